#include "report/result_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <vector>

#include "report/record_text.h"
#include "report/token.h"
#include "report/units.h"

namespace wiretax {
namespace {

using enum Table::Align;

using RowsByCurve = std::map<std::string, std::vector<const Record*>>;

std::string curve_of(const Record& record) {
  return record.name.substr(0, record.name.rfind("/bytes:"));
}

std::string size_of(const Record& record) {
  if (const auto bytes = record.counter("bytes")) {
    return format_bytes(static_cast<std::uint64_t>(*bytes));
  }
  const auto named = record.key("bytes");
  std::uint64_t bytes = 0;
  const auto [end, error] = std::from_chars(named.data(), named.data() + named.size(), bytes);
  return error == std::errc() && end == named.data() + named.size() ? format_bytes(bytes) : "-";
}

double half_width(const Record& record) {
  const auto point = record.curve_point();
  return (point.interval_s.high - point.interval_s.low) / 2 / record.time_s;
}

std::string interval_of(const Record& record) {
  if (!record.counter("mean_lo_us")) return "-";
  return fmt::format("+-{:.1f} %", 100 * half_width(record));
}

std::string rate_of(const Record& record, std::string_view counter) {
  const auto rate = record.counter(counter);
  return rate ? format_gigabytes_per_second(*rate * kGigabyte) : "-";
}

std::string bound_share_of(const Record& record) {
  const auto rate = record.counter("Gbps");
  const auto bound = record.counter("bound_Gbps");
  return rate && bound && *bound > 0 ? fmt::format("{:.1f}", 100 * *rate / *bound) : "-";
}

std::string count_of(const Record& record, std::string_view counter) {
  const auto count = record.counter(counter);
  return count ? fmt::format("{:.0f}", *count) : "-";
}

std::vector<std::string> cells_of(const Record& record, const Ink& ink) {
  if (!record.measured()) {
    return {size_of(record),          "-", "-", "-", "-", "-", "-", "-", "-", "-",
            verdict_text(record, ink)};
  }
  return {size_of(record),
          format_seconds(record.time_s),
          interval_of(record),
          time_text(record, "p50_us"),
          time_text(record, "p99_us"),
          time_text(record, "max_us"),
          rate_of(record, "GBps"),
          rate_of(record, "bus_GBps"),
          bound_share_of(record),
          count_of(record, "samples"),
          verdict_text(record, ink)};
}

RowsByCurve sorted_curves(const ResultFile& file) {
  RowsByCurve curves;
  for (const auto& record : file.records) {
    if (record.operation != kToken) curves[curve_of(record)].push_back(&record);
  }
  for (auto& [name, records] : curves) {
    std::ranges::stable_sort(records, {}, [](const Record* record) {
      return parse_bytes(record->key("bytes").empty() ? "1" : record->key("bytes"));
    });
  }
  return curves;
}

}  // namespace

std::string result_table(const ResultFile& file, const Ink& ink) {
  std::string text;
  for (const auto& [name, records] : sorted_curves(file)) {
    Table table({{"size"},
                 {"mean"},
                 {"95 %"},
                 {"p50"},
                 {"p99"},
                 {"max"},
                 {"GB/s"},
                 {"bus GB/s"},
                 {"% of bound"},
                 {"n"},
                 {"verdict", kLeft}});
    for (const auto* record : records) table.add(cells_of(*record, ink));
    text += fmt::format("\n{}\n{}", ink.bold(printable(name)), table.text(ink));
  }
  return file.records.empty() ? "no points\n" : text;
}

std::string result_table_legend() {
  return "\nmean: total time over operations, +- half of its 95 % interval; p50, p99, max: of "
         "single "
         "operations; GB/s: 10^9 bytes\nper second of the size, bus GB/s: what the wire carries; % "
         "of "
         "bound: of what the link can; n: batches measured;\n-: the samples cannot say; KiB, MiB: "
         "2^10, "
         "2^20 bytes.\n";
}

}  // namespace wiretax
