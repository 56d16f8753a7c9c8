#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "report/commands/commands.h"
#include "report/record.h"
#include "report/result_table.h"

namespace wiretax {
namespace {

std::string program_of(const ResultFile& file) {
  const auto program = file.context_value("wiretax_program");
  return program.empty() ? file.path.filename().string() : std::string(program);
}

void print_totals(const std::vector<ResultFile>& files) {
  std::map<Verdict, std::size_t> counts;
  std::size_t points = 0;
  for (const auto& file : files) {
    points += file.records.size();
    for (const auto& record : file.records) ++counts[record.verdict];
  }
  fmt::print("{} points in {} file{}: {} valid, {} suspect, {} skipped, {} invalid.\n", points,
             files.size(), files.size() == 1 ? "" : "s", counts[Verdict::kValid],
             counts[Verdict::kSuspect], counts[Verdict::kSkipped], counts[Verdict::kInvalid]);
}

void print_file(const ResultFile& file, const Ink& ink) {
  const auto fabric = file.context_value("wiretax_fabric");
  const auto status = file.context_value("wiretax_status");
  auto title = fmt::format("{} ({}{}{})", program_of(file), file.path.filename().string(),
                           fabric.empty() ? "" : ", ", fabric);
  if (status != "complete") {
    title += fmt::format(": {}", status == "running" ? "killed while running" : status);
  }
  fmt::print("\n{}\n{}", ink.bold(printable(title)), result_table(file, ink));
}

}  // namespace

int run_summary(const SummaryOptions& options) {
  auto files = read_results(options.paths);
  if (files.empty()) throw InputError("there are no result files here");
  std::ranges::stable_sort(files, {}, program_of);
  const Ink ink(options.colour);
  print_totals(files);
  for (const auto& file : files) print_file(file, ink);
  fmt::print("{}", result_table_legend());
  return 0;
}

}  // namespace wiretax
