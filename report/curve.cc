#include "report/curve.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace wiretax {
namespace {

bool is_time(double seconds) { return std::isfinite(seconds) && seconds > 0; }

double log_log(double x0, double y0, double x1, double y1, double x) {
  const double share = std::log(x / x0) / std::log(x1 / x0);
  return y0 * std::pow(y1 / y0, share);
}

CurvePoint scaled(const CurvePoint& point, double factor) {
  return {point.bytes,
          point.time_s * factor,
          {point.interval_s.low * factor, point.interval_s.high * factor}};
}

bool is_hole(const CurvePoint& lower, const CurvePoint& upper) {
  return static_cast<double>(upper.bytes) > kHoleFactor * static_cast<double>(lower.bytes);
}

/// From flat for as long as possible to steep for as long as possible, and what lies on the chord.
Interval across_hole(const CurvePoint& lower, const CurvePoint& upper, double bytes,
                     const Interval& chord) {
  const double up = bytes / static_cast<double>(lower.bytes);
  const double down = bytes / static_cast<double>(upper.bytes);
  const auto& from = lower.interval_s;
  const auto& to = upper.interval_s;
  return {std::min(chord.low, std::max(from.low, to.low * down)),
          std::max(chord.high, std::min(to.high, from.high * up))};
}

/// The same size measured more than once: the mean of the means, the hull of the intervals.
CurvePoint merged(std::span<const CurvePoint> same_size) {
  CurvePoint result = same_size.front();
  result.time_s = 0;
  for (const auto& point : same_size) {
    result.time_s += point.time_s / static_cast<double>(same_size.size());
    result.interval_s.low = std::min(result.interval_s.low, point.interval_s.low);
    result.interval_s.high = std::max(result.interval_s.high, point.interval_s.high);
  }
  return result;
}

}  // namespace

Curve::Curve(std::vector<CurvePoint> points) {
  for (const auto& point : points) {
    if (point.bytes == 0 || !is_time(point.time_s) || !is_time(point.interval_s.low) ||
        !is_time(point.interval_s.high)) {
      throw std::invalid_argument(
          fmt::format("curve: {} bytes in {} s is not a measurement", point.bytes, point.time_s));
    }
  }
  std::ranges::stable_sort(points, {}, &CurvePoint::bytes);
  for (auto first = points.begin(); first != points.end();) {
    const auto last =
        std::find_if(first, points.end(), [&](const auto& p) { return p.bytes != first->bytes; });
    points_.push_back(merged({first, last}));
    first = last;
  }
}

CurveTime Curve::at(double bytes) const {
  const auto upper = std::ranges::lower_bound(
      points_, bytes, {}, [](const auto& point) { return static_cast<double>(point.bytes); });
  if (upper == points_.end()) {
    const auto last = scaled(points_.back(), bytes / static_cast<double>(points_.back().bytes));
    return {last.time_s, last.interval_s, CurveRange::kAboveLargest, points_.back(),
            points_.back()};
  }
  const auto x1 = static_cast<double>(upper->bytes);
  if (x1 == bytes) return {upper->time_s, upper->interval_s, CurveRange::kMeasured, *upper, *upper};
  if (upper == points_.begin()) {
    return {upper->time_s, upper->interval_s, CurveRange::kBelowSmallest, *upper, *upper};
  }
  const auto lower = std::prev(upper);
  const auto x0 = static_cast<double>(lower->bytes);
  const auto between = [&](double y0, double y1) { return log_log(x0, y0, x1, y1, bytes); };
  const Interval chord{between(lower->interval_s.low, upper->interval_s.low),
                       between(lower->interval_s.high, upper->interval_s.high)};
  const bool hole = is_hole(*lower, *upper);
  return {between(lower->time_s, upper->time_s),
          hole ? across_hole(*lower, *upper, bytes, chord) : chord,
          hole ? CurveRange::kHole : CurveRange::kMeasured, *lower, *upper};
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> Curve::holes() const {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> found;
  for (std::size_t i = 1; i < points_.size(); ++i) {
    if (!is_hole(points_[i - 1], points_[i])) continue;
    found.emplace_back(points_[i - 1].bytes, points_[i].bytes);
  }
  return found;
}

}  // namespace wiretax
