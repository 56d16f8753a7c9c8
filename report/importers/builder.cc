#include "report/importers/builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <tuple>

#include "report/units.h"

namespace wiretax {
namespace {

constexpr double kLargestBytes = 0x1p50;  // as in result files

bool is_utf8(const std::string& text) {
  try {
    return !nlohmann::json(text).dump().empty();
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

/// Text from a file in a context: what JSON cannot hold becomes '?'.
std::string storable(std::string text) {
  const bool foreign = !is_utf8(text);
  std::ranges::replace_if(
      text, [&](unsigned char c) { return c < ' ' || c == 0x7f || (foreign && c > 0x7f); }, '?');
  return text;
}

struct SortedPoint {
  std::string_view curve;  // the name without its size
  double bytes = 0;
  double time_s = 0;

  bool operator<(const SortedPoint& other) const {
    return std::tie(curve, bytes) < std::tie(other.curve, other.bytes);
  }
};

/// Measured points by curve and size.
std::vector<SortedPoint> sorted_points(const std::vector<Record>& records) {
  std::vector<SortedPoint> points;
  for (const auto& record : records) {
    if (!record.measured()) continue;
    const std::string_view name = record.name;
    points.push_back({name.substr(0, name.rfind("/bytes:")), record.counter("bytes").value_or(0),
                      record.time_s});
  }
  std::ranges::stable_sort(points, std::less<>());
  return points;
}

/// How many points repeat the size of another one.
std::string repeats_in(const std::vector<SortedPoint>& points) {
  std::size_t repeats = 0;
  for (std::size_t i = 1; i < points.size(); ++i) {
    if (!(points[i - 1] < points[i])) ++repeats;
  }
  if (repeats == 0) return {};
  return fmt::format("points that repeat the size of another: {}; a curve takes their mean",
                     repeats);
}

/// For each curve the first size that is faster than a smaller one.
std::vector<std::string> falls_in(const std::vector<SortedPoint>& points) {
  constexpr double kFall = 0.9;  // less is noise
  std::vector<std::string> falls;
  std::string_view told;
  for (std::size_t i = 1; i < points.size(); ++i) {
    const auto& before = points[i - 1];
    const auto& after = points[i];
    if (after.curve != before.curve || after.curve == told || !(before < after) ||
        after.time_s >= kFall * before.time_s) {
      continue;
    }
    told = after.curve;
    falls.push_back(fmt::format(
        "{} falls with size: {} takes {}, and {} only {}", told,
        format_bytes(static_cast<std::uint64_t>(before.bytes)), format_seconds(before.time_s),
        format_bytes(static_cast<std::uint64_t>(after.bytes)), format_seconds(after.time_s)));
  }
  return falls;
}

}  // namespace

void fail_at(const ForeignText& source, std::size_t line, std::string_view message) {
  throw InputError(fmt::format("{}:{}: {}", source.path.string(), line, message));
}

std::optional<double> number_in(std::string_view word) {
  double value = 0;
  const auto [rest, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || rest != word.data() + word.size()) return std::nullopt;
  return value;
}

ImportBuilder::ImportBuilder(const ForeignText& source, std::string_view tool)
    : source_(source), tool_(tool) {
  file_.path = source.path;
}

void ImportBuilder::set(std::string_view key, std::string value) {
  if (!value.empty()) file_.context.insert_or_assign(std::string(key), storable(std::move(value)));
}

void ImportBuilder::note(std::string text) {
  text = storable(std::move(text));
  if (std::ranges::count(notes_, text) == 0) notes_.push_back(std::move(text));
}

Record& ImportBuilder::add(const std::string& curve, double bytes, double time_us,
                           const std::vector<std::pair<std::string_view, double>>& counters) {
  if (bytes == 0) {
    ++empty_sizes_;
    return discarded_;
  }
  if (!(bytes >= 1 && bytes <= kLargestBytes) || bytes != std::floor(bytes)) {
    throw InputError(fmt::format("{}: {} is no size", source_.path.string(), bytes));
  }
  auto& record =
      file_.records.emplace_back(parse_name(fmt::format("{}/bytes:{:.0f}", curve, bytes)));
  record.time_s = time_us * kMicrosecond;
  if (!std::isfinite(record.time_s) || record.time_s <= 0) {
    invalidate(record, fmt::format("a time of {} us is no measurement", time_us));
    return record;
  }
  record.counters.emplace("bytes", bytes);
  for (const auto& [name, value] : counters) {
    if (std::isfinite(value)) record.counters.emplace(name, value);
  }
  return record;
}

void ImportBuilder::invalidate(Record& record, std::string reason) {
  record.verdict = Verdict::kInvalid;
  record.reason = storable(std::move(reason));
  record.time_s = 0;
  record.counters.clear();
}

void ImportBuilder::doubt(Record& record, std::string_view reason) {
  if (!record.measured()) return;
  record.verdict = Verdict::kSuspect;
  record.reason += storable(fmt::format("{}{}", record.reason.empty() ? "" : "; ", reason));
}

void ImportBuilder::note_shape() {
  const auto points = sorted_points(file_.records);
  if (auto repeats = repeats_in(points); !repeats.empty()) note(std::move(repeats));
  constexpr std::size_t kMost = 10;
  auto falls = falls_in(points);
  if (falls.size() > kMost) falls.resize(kMost);
  for (auto& fall : falls) note(std::move(fall));
}

ResultFile ImportBuilder::finish(std::string_view fabric_kind) {
  if (empty()) {
    throw InputError(fmt::format("{}: output of {} without a single point{}", source_.path.string(),
                                 tool_, empty_sizes_ > 0 ? " of more than 0 bytes" : ""));
  }
  if (empty_sizes_ > 0) note(fmt::format("points of 0 bytes left out: {}", empty_sizes_));
  note_shape();
  if (std::ranges::any_of(file_.records, [](const Record& record) {
        return record.measured() && !record.counter("mean_lo_us");
      })) {
    note("the means have no interval: how sure they are is not told");
  }
  const auto name = source_.path.filename().string();
  auto& context = file_.context;
  set("wiretax_schema", fmt::format("{}", kSchemaVersion));
  context.try_emplace("wiretax_status", "complete");
  const auto version = file_.context_value("imported_version");
  set("wiretax_program",
      fmt::format("{}{}{}, imported", tool_, version.empty() ? "" : " ", version));
  set("wiretax_fabric",
      source_.hints.fabric.empty() ? fmt::format("{} {}", tool_, name) : source_.hints.fabric);
  set("wiretax_fabric_kind", std::string(fabric_kind));
  set("imported_from", tool_);
  set("imported_file", source_.path.string());
  file_.set_notes(notes_);
  return std::move(file_);
}

}  // namespace wiretax
