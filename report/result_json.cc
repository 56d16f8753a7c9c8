#include "report/result_json.h"

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>

#include "report/units.h"

namespace wiretax {
namespace {

using OrderedJson = nlohmann::ordered_json;

/// Text stays text, but for what a program wrote as a list, an object or the schema's number.
OrderedJson context_json(std::string_view key, const std::string& value) {
  if (key == "wiretax_schema") return kSchemaVersion;
  if (!value.starts_with('[') && !value.starts_with('{')) return value;
  auto parsed = nlohmann::json::parse(value, nullptr, false);
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

OrderedJson row_json(const Record& record) {
  OrderedJson row = {{"name", record.name},
                     {"run_name", record.name},
                     {"run_type", "iteration"},
                     {"iterations", 1}};
  if (!record.measured()) {
    row["error_occurred"] = true;
    row["error_message"] = error_text(record);
    return row;
  }
  const auto microseconds = exact_microseconds(record.time_s);
  row["real_time"] = microseconds.value_or(record.time_s);
  row["cpu_time"] = row["real_time"];
  row["time_unit"] = microseconds ? "us" : "s";
  row["label"] = record.verdict == Verdict::kValid ? "valid" : "suspect: " + record.reason;
  for (const auto& [name, value] : record.counters) row[name] = value;
  return row;
}

}  // namespace

void write_result_json(const ResultFile& file, std::ostream& out) {
  OrderedJson context = OrderedJson::object();
  for (const auto& [key, value] : file.context) context[key] = context_json(key, value);
  // What a locale or a path may hold that is no UTF-8 must not stop the rest.
  constexpr auto kReplace = OrderedJson::error_handler_t::replace;
  out << "{\n\"context\": " << context.dump(2, ' ', false, kReplace) << ",\n\"benchmarks\": [";
  const char* separator = "\n";
  for (const auto& record : file.records) {
    out << separator << row_json(record).dump(-1, ' ', false, kReplace);
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
