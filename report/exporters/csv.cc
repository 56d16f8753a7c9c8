#include <fmt/format.h>

#include <charconv>
#include <set>

#include "report/exporters/exporter.h"
#include "report/record_text.h"
#include "report/table.h"

namespace wiretax {
namespace {

bool is_number_text(std::string_view text) {
  double number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && rest == text.data() + text.size();
}

/// Spreadsheets run what begins so; behind a ' it is text.
std::string no_formula(std::string text) {
  constexpr std::string_view kBeginsFormula = "=+-@";
  const bool formula = !text.empty() && kBeginsFormula.find(text.front()) != std::string_view::npos;
  return formula && !is_number_text(text) ? "'" + text : text;
}

/// Fields with commas, quotes or line ends are quoted, and quotes doubled.
std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

class CsvLine {
 public:
  void add(std::string_view text) {
    if (started_) line_ += ',';
    started_ = true;
    line_ += csv_field(no_formula(printable(text)));
  }
  void add(double value) { add(fmt::format("{}", value)); }
  [[nodiscard]] std::string text() const { return line_ + "\r\n"; }

 private:
  std::string line_;
  bool started_ = false;
};

/// What some point has: columns beyond the fixed ones.
struct CsvColumns {
  std::set<std::string, std::less<>> keys;
  std::set<std::string, std::less<>> counters;
};

CsvColumns columns_of(std::span<const ResultFile> files) {
  constexpr std::size_t kMostColumns = 500;
  CsvColumns columns;
  for (const auto& file : files) {
    for (const auto& record : file.records) {
      for (const auto& [key, value] : record.keys) columns.keys.insert(key);
      for (const auto& [counter, value] : record.counters) columns.counters.insert(counter);
    }
    if (columns.keys.size() + columns.counters.size() > kMostColumns) {
      throw InputError(fmt::format("{}: more than {} kinds of keys and counters",
                                   file.path.string(), kMostColumns));
    }
  }
  return columns;
}

std::string heading(const CsvColumns& columns) {
  CsvLine line;
  for (const auto* const title : {"file", "fabric", "fabric_kind", "name", "operation", "verdict",
                                  "reason", "time_s", "mean_low_s", "mean_high_s"}) {
    line.add(title);
  }
  for (const auto& key : columns.keys) line.add("name." + key);
  for (const auto& counter : columns.counters) line.add(counter);
  return line.text();
}

void add_time(const Record& record, CsvLine& line) {
  if (record.measured()) {
    line.add(record.time_s);
  } else {
    line.add("");
  }
  // An interval that nobody measured is absent, not narrow.
  const bool known = record.measured() && record.counter("mean_lo_us").has_value();
  const auto interval = known ? record.curve_point().interval_s : Interval{};
  for (const double end : {interval.low, interval.high}) {
    if (known) {
      line.add(end);
    } else {
      line.add("");
    }
  }
}

std::string line_of(const ResultFile& file, const Record& record, const CsvColumns& columns) {
  CsvLine line;
  line.add(file.path.filename().string());
  line.add(file.context_value("wiretax_fabric"));
  line.add(file.context_value("wiretax_fabric_kind"));
  line.add(record.name);
  line.add(record.operation);
  line.add(verdict_name(record.verdict));
  line.add(record.reason);
  add_time(record, line);
  for (const auto& key : columns.keys) line.add(record.key(key));
  for (const auto& name : columns.counters) {
    const auto counter = record.counter(name);
    line.add(counter ? fmt::format("{}", *counter) : "");
  }
  return line.text();
}

}  // namespace

Export export_csv(std::span<const ResultFile> files) {
  const auto columns = columns_of(files);
  auto text = heading(columns);
  for (const auto& file : files) {
    for (const auto& record : file.records) text += line_of(file, record, columns);
  }
  return {.files = {{"", std::move(text)}}, .warnings = {}};
}

}  // namespace wiretax
