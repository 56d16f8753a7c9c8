#include "bench/harness/judge.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "report/statistics.h"
#include "report/units.h"

namespace wiretax::bench {
namespace {

constexpr double kWidestHalfWidth = 0.05;
constexpr double kFarBehind = 0.2;
constexpr double kBoundTolerance = 1.005;

void add_single_times(const std::vector<double>& single_s,
                      std::map<std::string, double>& counters) {
  if (single_s.empty()) return;
  const auto set = [&](const char* name, std::optional<double> seconds) {
    if (seconds) counters[name] = *seconds / kMicrosecond;
  };
  const auto [least, greatest] = std::ranges::minmax(single_s);
  set("min_us", least);
  set("p50_us", median(single_s));
  set("p90_us", percentile(single_s, 0.9));
  set("p99_us", percentile(single_s, 0.99));
  set("p999_us", percentile(single_s, 0.999));
  set("max_us", greatest);
  set("stdev_us", standard_deviation(single_s));
}

void add_doubts(const Measurement& measurement, bool symmetric, std::vector<std::string>& doubts) {
  const double mean_s = measurement.mean_s();
  if (!measurement.interval_s) {
    doubts.push_back(fmt::format("only {} batches before the time cap, no interval",
                                 measurement.batch_means_s.size()));
  } else {
    const double half = (measurement.interval_s->high - measurement.interval_s->low) / 2 / mean_s;
    if (half > kWidestHalfWidth) {
      doubts.push_back(fmt::format("mean known to +-{:.0f} % only", 100 * half));
    }
  }
  if (!measurement.steady) doubts.emplace_back("not steady after warm-up");
  if (drifts(measurement.batch_means_s)) doubts.emplace_back("drifts while measured");
  if (symmetric && measurement.skew_s > kFarBehind * mean_s) {
    doubts.push_back(
        fmt::format("one rank far behind, by {:.0f} %", 100 * measurement.skew_s / mean_s));
  }
}

Measurement scaled(Measurement measurement, double share) {
  measurement.total_s *= share;
  measurement.skew_s *= share;
  for (auto& mean_s : measurement.batch_means_s) mean_s *= share;
  for (auto& single_s : measurement.single_s) single_s *= share;
  if (measurement.interval_s) {
    measurement.interval_s->low *= share;
    measurement.interval_s->high *= share;
  }
  return measurement;
}

}  // namespace

Row judge(const Measurement& timed, const Point& point) {
  const auto measurement = scaled(timed, point.share);
  Row row;
  row.time_s = measurement.mean_s();
  row.counters = {{"bytes", static_cast<double>(point.bytes)},
                  {"operations", static_cast<double>(measurement.operations)},
                  {"samples", static_cast<double>(measurement.batch_means_s.size())},
                  {"stop", static_cast<double>(measurement.stop)}};
  if (point.timing != Timing::kIsolated)
    row.counters["skew_us"] = measurement.skew_s / kMicrosecond;
  if (measurement.interval_s) {
    // The mean is total time over operations, which lies between the resampled means but for
    // rounding.
    row.counters["mean_lo_us"] = std::min(measurement.interval_s->low, row.time_s) / kMicrosecond;
    row.counters["mean_hi_us"] = std::max(measurement.interval_s->high, row.time_s) / kMicrosecond;
  }
  add_single_times(measurement.single_s, row.counters);
  add_doubts(measurement, point.symmetric && point.timing != Timing::kIsolated, row.doubts);
  return row;
}

void check_bound(Row& row) {
  const auto rate = row.counters.find("Gbps");
  const auto bound = row.counters.find("bound_Gbps");
  if (rate == row.counters.end() || bound == row.counters.end()) return;
  if (rate->second > kBoundTolerance * bound->second) {
    row.invalid = fmt::format("{:.2f} Gb/s is above the physical bound of {:.2f} Gb/s",
                              rate->second, bound->second);
  }
}

std::string label_of(const Row& row) {
  if (row.doubts.empty()) return "valid";
  return fmt::format("suspect: {}", fmt::join(row.doubts, "; "));
}

}  // namespace wiretax::bench
