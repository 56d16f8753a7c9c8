#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "report/aftermath.h"
#include "report/commands/commands.h"
#include "report/floor.h"
#include "report/links.h"
#include "report/record.h"
#include "report/result_files.h"
#include "report/result_table.h"
#include "report/token.h"
#include "report/wire.h"

namespace wiretax {
namespace {

std::string program_of(const ResultFile& file) {
  const auto program = file.context_value("wiretax_program");
  return program.empty() ? file.path.filename().string() : std::string(program);
}

/// A file that cannot be used is named, and the others are shown all the same.
std::vector<ResultFile> readable(const Paths& paths, bool& all) {
  std::vector<ResultFile> files;
  for (const auto& path : result_paths(paths)) {
    try {
      files.push_back(read_any_file(path));
    } catch (const InputError& error) {
      fmt::print(stderr, "error: {}\n", printable(error.what()));
      all = false;
    }
  }
  return files;
}

void print_totals(const std::vector<ResultFile>& files) {
  std::map<Verdict, std::size_t> counts;
  std::size_t points = 0;
  for (const auto& file : files) {
    points += file.records.size();
    for (const auto& record : file.records) ++counts[record.verdict];
  }
  fmt::print("{} point{} in {} file{}: {} valid, {} suspect, {} skipped, {} invalid.\n", points,
             points == 1 ? "" : "s", files.size(), files.size() == 1 ? "" : "s",
             counts[Verdict::kValid], counts[Verdict::kSuspect], counts[Verdict::kSkipped],
             counts[Verdict::kInvalid]);
}

void print_file(const ResultFile& file, const Ink& ink) {
  const auto fabric = file.context_value("wiretax_fabric");
  const auto status = file.context_value("wiretax_status");
  auto title = fmt::format("{} ({}{}{})", program_of(file), file.path.filename().string(),
                           fabric.empty() ? "" : ", ", fabric);
  if (status != "complete") {
    title += fmt::format(": {}", status == "running" ? "still running, or killed" : status);
  }
  const auto mark = file.context_value("wiretax_mark");
  if (!mark.empty()) title += fmt::format(": {}", mark);
  fmt::print("\n{}\n", ink.bold(printable(title)));
  for (const auto& note : file.notes()) fmt::print("note: {}\n", printable(note));
  fmt::print("{}{}{}", result_table(file, ink), links_text(file, ink), token_text(file, ink));
}

}  // namespace

int run_summary(const SummaryOptions& options) {
  bool all_readable = true;
  auto files = readable(options.paths, all_readable);
  std::ranges::stable_sort(files, {}, program_of);
  if (files.empty() && !all_readable) return kUnusable;
  const Ink ink(options.colour);
  print_totals(files);
  fmt::print("{}{}{}", aftermath_text(files, ink), wire_text(files, ink), floor_text(files, ink));
  for (const auto& file : files) print_file(file, ink);
  fmt::print("{}", result_table_legend());
  return all_readable ? 0 : kUnusable;
}

}  // namespace wiretax
