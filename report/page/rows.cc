#include "report/page/rows.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "report/record_text.h"
#include "report/units.h"

namespace wiretax {
namespace {

std::string plain_figure(const std::optional<double>& value) {
  constexpr int kFigures = 4;
  if (!value || !std::isfinite(*value)) return {};
  if (*value == 0) return "0";
  // Without an exponent, so that a column can be compared by eye.
  const int whole = static_cast<int>(std::floor(std::log10(std::abs(*value)))) + 1;
  if (whole < -9) return fmt::format("{:.3e}", *value);
  if (whole >= kFigures) return fmt::format("{:.0f}", *value);
  auto text = fmt::format("{:.{}f}", *value, kFigures - whole);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string plain_count(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? fmt::format("{:.0f}", *value) : "";
}

std::optional<double> percent_of_bound(const Record& record) {
  const auto rate = record.counter("Gbps");
  const auto bound = record.counter("bound_Gbps");
  if (!rate || !bound || !(*bound > 0)) return std::nullopt;
  return 100 * *rate / *bound;
}

/// The name without operation and size: they have columns.
std::string rest_of_name(const Record& record) {
  auto rest = record.name.substr(std::min(record.operation.size() + 1, record.name.size()));
  const auto size = rest.rfind("bytes:");
  if (size != std::string::npos && rest.find('/', size) == std::string::npos) {
    rest.resize(size > 0 ? size - 1 : 0);
  }
  return rest;
}

std::string bytes_of(const Record& record) {
  const auto bytes = plain_count(record.counter("bytes"));
  return bytes.empty() ? std::string(record.key("bytes")) : bytes;
}

std::vector<std::string> cells_of_point(const ResultFile& file, const Record& record) {
  std::vector<std::string> cells = {file.path.stem().string(), record.operation,
                                    rest_of_name(record), bytes_of(record)};
  cells.emplace_back(verdict_name(record.verdict));
  const bool measured = record.measured();
  cells.push_back(measured ? plain_figure(record.time_s / kMicrosecond) : "");
  for (const auto* const counter :
       {"mean_lo_us", "mean_hi_us", "p50_us", "p99_us", "max_us", "GBps", "bus_GBps"}) {
    cells.push_back(measured ? plain_figure(record.counter(counter)) : "");
  }
  cells.push_back(measured ? plain_figure(percent_of_bound(record)) : "");
  cells.push_back(measured ? plain_count(record.counter("samples")) : "");
  cells.push_back(record.reason);
  return cells;
}

}  // namespace

Table rows_table(const PageRun& run) {
  using enum Table::Align;
  Table table({{"file", kLeft},
               {"operation", kLeft},
               {"of", kLeft},
               {"bytes"},
               {"verdict", kLeft},
               {"mean us"},
               {"from us"},
               {"to us"},
               {"p50 us"},
               {"p99 us"},
               {"max us"},
               {"GB/s"},
               {"bus GB/s"},
               {"% of bound"},
               {"n"},
               {"why", kLeft}});
  for (const auto& file : run.files) {
    for (const auto& record : file.records) table.add(cells_of_point(file, record));
  }
  return table;
}

Table comparison_table(const RunComparison& comparison) {
  using enum Table::Align;
  Table table({{"point", kLeft},
               {"network", kLeft},
               {"A us"},
               {"B us"},
               {"B / A"},
               {"from"},
               {"to"},
               {"verdict", kLeft},
               {"why", kLeft}});
  for (const auto& point : comparison.points) {
    std::string reasons;
    for (const auto& reason : point.reasons) reasons += (reasons.empty() ? "" : "; ") + reason;
    const auto end = [&](double value) { return point.has_intervals ? plain_figure(value) : ""; };
    table.add({point.name, point.fabric, plain_figure(point.a.mean / kMicrosecond),
               plain_figure(point.b.mean / kMicrosecond), plain_figure(point.ratio),
               end(point.interval.low), end(point.interval.high),
               std::string(change_name(point.change)), reasons});
  }
  return table;
}

}  // namespace wiretax
