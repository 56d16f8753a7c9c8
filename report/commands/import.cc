#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <utility>

#include "report/catalogue.h"
#include "report/commands/commands.h"
#include "report/importers/importer.h"
#include "report/result_files.h"
#include "report/result_json.h"
#include "report/result_table.h"
#include "report/units.h"

namespace wiretax {
namespace {

constexpr std::string_view kProvenance[] = {"imported_version", "imported_format", "imported_unit",
                                            "wiretax_fabric", "transport"};

ResultFile import_file(const std::filesystem::path& path, const ImportOptions& options) {
  const auto text = read_file_text(path);
  return import_text({.text = text,
                      .path = path,
                      .hints = {.fabric = options.fabric,
                                .ranks = options.ranks,
                                .unit = options.unit,
                                .operation = options.operation}},
                     options.format);
}

/// A file of several, such as perftest's, of which each holds one size. What differs in their
/// contexts is listed; status and notes are those of all.
void append(ResultFile more, ResultFile& all) {
  for (const auto* const key : {"imported_from", "wiretax_fabric_kind"}) {
    if (all.context_value(key) == more.context_value(key)) continue;
    throw InputError(fmt::format(
        "{}: {} '{}', where {} has '{}': import them into files of their own", more.path.string(),
        key, more.context_value(key), all.path.string(), all.context_value(key)));
  }
  const auto hosts = all.context_value("imported_hosts");
  const auto others = more.context_value("imported_hosts");
  if (!hosts.empty() && !others.empty() && hosts != others) {
    throw InputError(
        fmt::format("{}: on {}, where {} was on {}: two networks, which want a file each",
                    more.path.string(), others, all.path.string(), hosts));
  }
  std::ranges::move(more.records, std::back_inserter(all.records));
  auto notes = all.notes();
  for (auto& note : more.notes()) {
    if (std::ranges::count(notes, note) == 0) notes.push_back(std::move(note));
  }
  for (auto& [key, value] : more.context) {
    auto& known = all.context[key];
    if (key == "wiretax_status" && known == "complete") known = value;
    if (key.starts_with("wiretax_") || known == value) continue;
    known += known.empty() ? value : fmt::format("; {}", value);
  }
  if (!notes.empty()) all.set_notes(notes);
}

void print_import(const ResultFile& file, const Ink& ink) {
  fmt::print("\n{}\n", ink.bold(printable(fmt::format(
                           "{} ({})", file.context_value("imported_from"), file.path.string()))));
  for (const auto key : kProvenance) {
    const auto value = file.context_value(key);
    if (value.empty()) continue;
    const auto name = key.substr(key.find('_') == std::string_view::npos ? 0 : key.find('_') + 1);
    fmt::print("{}: {}\n", name, printable(value));
  }
  const auto status = file.context_value("wiretax_status");
  if (status != "complete") fmt::print("{}: {}\n", ink.doubtful("not complete"), printable(status));
  for (const auto& note : file.notes()) fmt::print("note: {}\n", printable(note));
  fmt::print("{}", result_table(file, ink));
}

int write_all(std::vector<ResultFile> files, const std::filesystem::path& out) {
  auto all = std::move(files.front());
  for (auto more = files.begin() + 1; more != files.end(); ++more) append(std::move(*more), all);
  write_result_file(all, out);
  const auto invalid = std::ranges::count(all.records, Verdict::kInvalid, &Record::verdict);
  fmt::print("{} points of {} in {}{}.\n", all.records.size(), all.context_value("imported_from"),
             printable(out.string()),
             invalid > 0 ? fmt::format(", {} of them invalid", invalid) : "");
  for (const auto& note : all.notes()) fmt::print("note: {}\n", printable(note));
  return 0;
}

}  // namespace

int run_import(const ImportOptions& options) {
  if (!options.format.empty()) find_importer(options.format);
  if (!options.unit.empty()) parse_rate_unit(options.unit);
  std::vector<ResultFile> files;
  for (const auto& path : options.paths) files.push_back(import_file(path, options));
  if (!options.out.empty()) return write_all(std::move(files), options.out);
  const Ink ink(options.colour);
  for (const auto& file : files) print_import(file, ink);
  fmt::print("{}", result_table_legend());
  return 0;
}

}  // namespace wiretax
