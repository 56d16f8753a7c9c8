#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/harness/runner.h"
#include "bench/harness/stopping.h"

namespace wiretax::bench {

/// One row to be: its name, and the text that tells every rank what to do for it. Points with the
/// same specification are measured together and differ in their group.
struct Point {
  std::string name;  // op/key:value/.../bytes:N
  std::string specification;
  std::uint64_t bytes = 0;
  Precision precision = Precision::kLatency;
  Timing timing = Timing::kEach;
  bool symmetric = true;  // all ranks take part alike, so one that takes longer is behind
  int group = 0;
  std::uint64_t operation_bytes = 0;  // where one operation is more than one message
  double share = 1;  // of what is timed: a half where a round trip is, and one way is told
};

struct Plan {
  std::vector<Point> points;    // in the order of measuring
  std::vector<Point> left_out;  // by name
};

/// The name without the size: points of one curve share it.
std::string curve_of(const Point& point);

/// A quick run has 60 s in the worst case. Where the points need more, the ends of every curve
/// stay, since nothing may be extrapolated, then those farthest (by ratio) from what is already
/// chosen. Then the order is shuffled by the seed, so that a slow drift of the machine does not
/// tilt a curve.
Plan make_plan(std::vector<Point> points, Profile profile, std::uint64_t seed);

/// The same for sets, each of a point and, before it, those that it needs to be told of in the same
/// minute: as many as fit. What several need is measured once, with the first.
Plan make_plan_of_sets(std::vector<std::vector<Point>> sets, Profile profile, std::uint64_t seed);

}  // namespace wiretax::bench
