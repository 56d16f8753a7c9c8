#include "report/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>

#include "report/json_depth.h"
#include "report/result_files.h"
#include "report/units.h"

namespace wiretax {
namespace {

using Json = nlohmann::json;

/// Fields of Google Benchmark's own in a row; every other number is a counter.
const std::set<std::string, std::less<>> kBenchmarkFields = {
    "family_index", "per_family_instance_index",
    "repetitions",  "repetition_index",
    "threads",      "iterations",
    "real_time",    "cpu_time"};

double seconds_per_unit(std::string_view unit) {
  if (unit == "ns") return 1e-9;
  if (unit == "us") return kMicrosecond;
  if (unit == "ms") return kMillisecond;
  if (unit == "s") return 1;
  throw InputError(fmt::format("time_unit: '{}' is not ns, us, ms or s", unit));
}

std::string text_field(const Json& row, const char* field) {
  const auto found = row.find(field);
  if (found == row.end()) return {};
  if (!found->is_string()) throw InputError(fmt::format("{}: not a text", field));
  return found->get<std::string>();
}

double positive_field(const Json& row, const char* field) {
  const auto found = row.find(field);
  if (found == row.end() || !found->is_number()) {
    throw InputError(fmt::format("{}: not a number", field));
  }
  const auto value = found->get<double>();
  if (!std::isfinite(value) || value <= 0) {
    throw InputError(fmt::format("{}: {} is not above zero", field, value));
  }
  return value;
}

bool flag_field(const Json& row, const char* field) {
  const auto found = row.find(field);
  if (found == row.end()) return false;
  if (!found->is_boolean()) throw InputError(fmt::format("{}: neither true nor false", field));
  return found->get<bool>();
}

/// A point that was not measured has its reason where Google Benchmark 1.7 and later put it.
std::optional<std::string> error_of(const Json& row) {
  if (flag_field(row, "error_occurred")) return text_field(row, "error_message");
  if (flag_field(row, "skipped")) return text_field(row, "skip_message");
  return std::nullopt;
}

bool strip_prefix(std::string& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.erase(0, prefix.size());
  return true;
}

/// Sizes are whole numbers of bytes, in the name as in the counter, and the same in both.
void check_sizes(const Record& record) {
  constexpr double kLargestSize = 0x1p50;
  const auto counted = record.counter("bytes");
  if (counted && (*counted < 1 || *counted > kLargestSize || *counted != std::floor(*counted))) {
    throw InputError(fmt::format("bytes: {} is no size", *counted));
  }
  const auto named = record.key("bytes");
  if (named.empty()) return;
  std::uint64_t bytes = 0;
  const auto [rest, error] = std::from_chars(named.data(), named.data() + named.size(), bytes);
  if (error != std::errc{} || rest != named.data() + named.size() || bytes == 0 ||
      static_cast<double>(bytes) > kLargestSize) {
    throw InputError(fmt::format("name: '{}' is no size", named));
  }
  if (counted && static_cast<double>(bytes) != *counted) {
    throw InputError(fmt::format("bytes: {} contradicts the name", *counted));
  }
}

void check_interval(const Record& record) {
  const auto low = record.counter("mean_lo_us");
  const auto high = record.counter("mean_hi_us");
  if (!low && !high) return;
  const double mean_us = record.time_s / kMicrosecond;
  constexpr double kRounding = 1e-6;
  if (!low || !high || !(*low > 0) || *low > mean_us * (1 + kRounding) ||
      *high < mean_us * (1 - kRounding)) {
    throw InputError("mean_lo_us, mean_hi_us: do not enclose real_time");
  }
}

void read_measurement(const Json& row, Record& record) {
  record.time_s = positive_field(row, "real_time") * seconds_per_unit(text_field(row, "time_unit"));
  for (const auto& [field, value] : row.items()) {
    if (!value.is_number() || kBenchmarkFields.contains(field)) continue;
    record.counters.emplace(field, value.get<double>());
  }
  check_interval(record);
  auto label = text_field(row, "label");
  if (strip_prefix(label, "suspect: ")) {
    record.verdict = Verdict::kSuspect;
    record.reason = std::move(label);
  }
}

Record read_row(const Json& row) {
  auto record = parse_name(text_field(row, "name"));
  if (auto error = error_of(row)) {
    record.verdict = strip_prefix(*error, "skipped: ") ? Verdict::kSkipped : Verdict::kInvalid;
    strip_prefix(*error, "invalid: ");
    record.reason = std::move(*error);
  } else {
    read_measurement(row, record);
  }
  check_sizes(record);
  return record;
}

bool is_aggregate(const Json& row) {
  if (!row.is_object()) throw InputError("not an object");
  return text_field(row, "run_type") == "aggregate";
}

void read_context(const Json& context, ResultFile& file) {
  for (const auto& [key, value] : context.items()) {
    file.context.emplace(key, value.is_string() ? value.get<std::string>() : value.dump());
  }
  const auto found = context.find("wiretax_schema");
  if (found == context.end()) {
    throw InputError("context.wiretax_schema: missing; not a wiretax result");
  }
  const auto schema = found->is_number_integer() ? found->get<std::int64_t>() : 0;
  if (schema < 1) throw InputError("context.wiretax_schema: not a whole number above zero");
  if (schema > kSchemaVersion) {
    throw InputError(fmt::format("context.wiretax_schema: {} is newer than this program ({})",
                                 schema, kSchemaVersion));
  }
}

ResultFile read_document(const Json& document, const std::filesystem::path& path) {
  if (!document.is_object() || !document.contains("context") || !document["context"].is_object() ||
      !document.contains("benchmarks") || !document["benchmarks"].is_array()) {
    throw InputError("not a result file: no context and benchmarks");
  }
  ResultFile file{.path = path, .context = {}, .records = {}};
  read_context(document["context"], file);
  std::size_t index = 0;
  for (const auto& row : document["benchmarks"]) {
    try {
      if (!is_aggregate(row)) file.records.push_back(read_row(row));
    } catch (const std::exception& error) {
      throw InputError(fmt::format("benchmarks[{}]: {}", index, error.what()));
    }
    ++index;
  }
  return file;
}

}  // namespace

std::optional<double> Record::counter(std::string_view counter_name) const {
  const auto found = counters.find(counter_name);
  return found == counters.end() ? std::nullopt : std::optional(found->second);
}

std::string_view Record::key(std::string_view key_name) const& {
  const auto found = keys.find(key_name);
  return found == keys.end() ? std::string_view{} : std::string_view(found->second);
}

CurvePoint Record::curve_point() const {
  const auto low = counter("mean_lo_us");
  const auto high = counter("mean_hi_us");
  return {static_cast<std::uint64_t>(counter("bytes").value_or(0)),
          time_s,
          {low ? *low * kMicrosecond : time_s, high ? *high * kMicrosecond : time_s}};
}

std::string_view ResultFile::context_value(std::string_view key) const {
  const auto found = context.find(key);
  return found == context.end() ? std::string_view{} : std::string_view(found->second);
}

std::vector<std::string> ResultFile::notes() const {
  std::vector<std::string> notes;
  const auto list = parse_shallow(context_value("wiretax_notes"));
  if (!list.is_array()) return notes;
  for (const auto& note : list) {
    if (note.is_string()) notes.push_back(note.get<std::string>());
  }
  return notes;
}

void ResultFile::set_notes(const std::vector<std::string>& notes) {
  if (!notes.empty()) context.insert_or_assign("wiretax_notes", Json(notes).dump());
}

Record parse_name(std::string_view name) {
  Record record;
  record.name = name;
  auto end = name.find('/');
  record.operation = name.substr(0, end);
  if (record.operation.empty()) throw InputError("name: missing");
  while (end != std::string_view::npos) {
    const auto begin = end + 1;
    end = name.find('/', begin);
    const auto part = name.substr(begin, end - begin);
    const auto colon = part.find(':');
    if (colon == 0 || colon == std::string_view::npos) {
      throw InputError(fmt::format("name: '{}' has a part that is not key:value", name));
    }
    record.keys.emplace(part.substr(0, colon), part.substr(colon + 1));
  }
  return record;
}

ResultFile parse_result_file(std::string_view text, const std::filesystem::path& path) {
  try {
    if (text.empty()) throw InputError("the file is empty");
    if (nests_too_deep(text)) {
      throw InputError(fmt::format("nested deeper than {} levels", kDeepestJson));
    }
    return read_document(Json::parse(text), path);
  } catch (const Json::parse_error& error) {
    throw InputError(fmt::format("{}: truncated or not JSON, at byte {} of {}", path.string(),
                                 error.byte, text.size()));
  } catch (const std::exception& error) {
    throw InputError(fmt::format("{}: {}", path.string(), error.what()));
  }
}

ResultFile read_result_file(const std::filesystem::path& path) {
  return parse_result_file(read_file_text(path), path);
}

}  // namespace wiretax
