#include "report/result_json.h"

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>

#include "report/json_depth.h"
#include "report/units.h"

namespace wiretax {
namespace {

using OrderedJson = nlohmann::ordered_json;

/// Text stays text, but for what a program wrote as a list, an object or the schema's number.
OrderedJson context_json(std::string_view key, const std::string& value) {
  if (key == "wiretax_schema") return kSchemaVersion;
  if (!value.starts_with('[') && !value.starts_with('{')) return value;
  auto parsed = parse_shallow(value);
  if (parsed.is_discarded() || parsed.dump() != value) return value;
  return parsed;
}

/// The microseconds that are read back as just these seconds; a product of doubles may skip one.
std::optional<double> exact_microseconds(double seconds) {
  const double near = seconds / kMicrosecond;
  for (const double direction : {0.0, HUGE_VAL}) {
    double candidate = near;
    for (int step = 0; step < 3; ++step) {
      if (candidate * kMicrosecond == seconds) return candidate;
      candidate = std::nextafter(candidate, direction);
    }
  }
  return std::nullopt;
}

std::string error_text(const Record& record) {
  return (record.verdict == Verdict::kSkipped ? "skipped: " : "invalid: ") + record.reason;
}

// What a locale or a path may hold that is no UTF-8 must not stop the rest.
constexpr auto kReplace = OrderedJson::error_handler_t::replace;

std::string json_text(std::string_view text) {
  return OrderedJson(text).dump(-1, ' ', false, kReplace);
}

/// Written by hand: 100,000 rows as JSON values would take as long as everything else.
void write_row(const Record& record, std::ostream& out) {
  const auto name = json_text(record.name);
  auto text = fmt::format(
      R"({{"name": {}, "run_name": {}, "run_type": "iteration", "iterations": 1)", name, name);
  const auto add = std::back_inserter(text);
  if (!record.measured()) {
    fmt::format_to(add, R"(, "error_occurred": true, "error_message": {}}})",
                   json_text(error_text(record)));
    out << text;
    return;
  }
  const auto microseconds = exact_microseconds(record.time_s);
  fmt::format_to(
      add, R"(, "real_time": {0}, "cpu_time": {0}, "time_unit": "{1}", "label": {2})",
      microseconds.value_or(record.time_s), microseconds ? "us" : "s",
      record.verdict == Verdict::kValid ? "\"valid\"" : json_text("suspect: " + record.reason));
  for (const auto& [counter, value] : record.counters) {
    fmt::format_to(add, ", {}: {}", json_text(counter), value);
  }
  out << text << '}';
}

}  // namespace

void write_result_json(const ResultFile& file, std::ostream& out) {
  OrderedJson context = OrderedJson::object();
  for (const auto& [key, value] : file.context) context[key] = context_json(key, value);
  out << "{\n\"context\": " << context.dump(2, ' ', false, kReplace) << ",\n\"benchmarks\": [";
  const char* separator = "\n";
  for (const auto& record : file.records) {
    out << separator;
    write_row(record, out);
    separator = ",\n";
  }
  out << "\n]\n}\n";
}

void write_result_file(const ResultFile& file, const std::filesystem::path& path) {
  auto fresh = path;
  fresh += ".new";
  std::error_code error;
  {
    std::ofstream stream(fresh, std::ios::binary);
    write_result_json(file, stream);
    if (!stream.flush()) error = std::make_error_code(std::errc::io_error);
  }
  if (!error) std::filesystem::rename(fresh, path, error);
  if (!error) return;
  std::error_code ignored;
  std::filesystem::remove(fresh, ignored);
  throw InputError(fmt::format("{}: cannot be written", path.string()));
}

}  // namespace wiretax
