#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "report/commands/commands.h"
#include "report/record.h"
#include "report/units.h"

namespace wiretax {
namespace {

std::string program_of(const ResultFile& file) {
  const auto program = file.context_value("wiretax_program");
  return program.empty() ? file.path.filename().string() : std::string(program);
}

std::string interval_of(const Record& record) {
  const auto low = record.counter("mean_lo_us");
  const auto high = record.counter("mean_hi_us");
  if (!low || !high) return "-";
  return fmt::format("{} to {}", format_seconds(*low * kMicrosecond),
                     format_seconds(*high * kMicrosecond));
}

std::string rate_of(const Record& record) {
  const auto rate = record.counter("GBps");
  return rate ? format_gigabytes_per_second(*rate * kGigabyte) : "-";
}

std::string bound_share_of(const Record& record) {
  const auto rate = record.counter("Gbps");
  const auto bound = record.counter("bound_Gbps");
  return rate && bound && *bound > 0 ? fmt::format("{:.1f}", 100 * *rate / *bound) : "-";
}

std::string samples_of(const Record& record) {
  const auto samples = record.counter("samples");
  return samples ? fmt::format("{:.0f}", *samples) : "-";
}

std::string verdict_of(const Record& record, const Ink& ink) {
  const auto reason = printable(record.reason);
  switch (record.verdict) {
    case Verdict::kValid:
      return ink.good("valid");
    case Verdict::kSuspect:
      return ink.doubtful("SUSPECT") + ": " + reason;
    case Verdict::kSkipped:
      return "skipped: " + reason;
    case Verdict::kInvalid:
      return ink.bad("INVALID") + ": " + reason;
  }
  return {};
}

void add_row(const Record& record, const Ink& ink, Table& table) {
  if (!record.measured()) {
    table.add({printable(record.name), "-", "-", "-", "-", "-", verdict_of(record, ink)});
    return;
  }
  table.add({printable(record.name), format_seconds(record.time_s), interval_of(record),
             samples_of(record), rate_of(record), bound_share_of(record), verdict_of(record, ink)});
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
  fmt::print("\n{}\n", ink.bold(printable(title)));
  using enum Table::Align;
  Table table({{"point", kLeft},
               {"mean"},
               {"95 % interval"},
               {"n"},
               {"GB/s"},
               {"% of bound"},
               {"verdict", kLeft}});
  for (const auto& record : file.records) add_row(record, ink, table);
  fmt::print("{}", table.empty() ? "no points\n" : table.text(ink));
}

}  // namespace

int run_summary(const SummaryOptions& options) {
  auto files = read_results(options.paths);
  if (files.empty()) throw InputError("there are no result files here");
  std::ranges::stable_sort(files, {}, program_of);
  const Ink ink(options.colour);
  print_totals(files);
  for (const auto& file : files) print_file(file, ink);
  fmt::print(
      "\nmean: total time over operations; n: batches whose means gave the interval; GB/s: 10^9 "
      "bytes per second of the\nmessage size; % of bound: of what the link can carry, where that "
      "is "
      "known; KiB, MiB: 2^10, 2^20 bytes.\n");
  return 0;
}

}  // namespace wiretax
