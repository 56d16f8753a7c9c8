#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "report/statistics.h"

namespace wiretax {

/// One measured size: mean seconds of the operation, and the 95 % interval of that mean.
struct CurvePoint {
  std::uint64_t bytes = 0;
  double time_s = 0;
  Interval interval_s;
};

/// Where a time came from. Outside the measured sizes, and in a hole between two that are far
/// apart, little is known, so it has to be said.
enum class CurveRange { kMeasured, kBelowSmallest, kAboveLargest, kHole };

/// Neighbours whose bytes differ by more than this have a hole between them.
constexpr double kHoleFactor = 8;

struct CurveTime {
  double time_s = 0;
  Interval interval_s;
  CurveRange range = CurveRange::kMeasured;
  CurvePoint lower =
      {};  // the measured points it was taken from, the same twice where there is one
  CurvePoint upper = {};
};

/// Time of an operation as a function of its size. Between measured points it is interpolated
/// log-log (size curves of collectives bend at every protocol switch, so no line fits them); below
/// the smallest it holds the smallest, above the largest it grows in proportion to the bytes. In a
/// hole the interval takes in all that a time can do which grows with the bytes, but no faster.
class Curve {
 public:
  Curve() = default;
  /// Points in any order; of equal sizes the mean counts. Throws std::invalid_argument on a size of
  /// zero or a time that is not positive and finite.
  explicit Curve(std::vector<CurvePoint> points);

  [[nodiscard]] bool empty() const { return points_.empty(); }
  [[nodiscard]] const std::vector<CurvePoint>& points() const { return points_; }
  /// The curve must not be empty.
  [[nodiscard]] CurveTime at(double bytes) const;
  /// The two sizes at the ends of each hole.
  [[nodiscard]] std::vector<std::pair<std::uint64_t, std::uint64_t>> holes() const;

 private:
  std::vector<CurvePoint> points_;
};

}  // namespace wiretax
