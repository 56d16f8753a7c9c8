#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "report/cost.h"
#include "report/decide.h"

namespace wiretax {

/// Corners, edges and middle of the box of assumptions, the middle first. While the same path of a
/// plan is the longest, the ratio of two steps has no extremum between them: in each assumption
/// alone it is a quotient of straight lines.
std::vector<Assumptions> box_points(const Machine& machine, const Band& gamma, bool is_moe);

/// The same points at each end and in the middle of the prefill rate, the middle first.
std::vector<Assumptions> with_prefill(std::span<const Assumptions> points, const Band& flops_per_s);

/// The steps of several strategies over the box: seconds[strategy][point], points as of box_points.
using Steps = std::vector<std::vector<double>>;

struct Comparison {
  std::vector<std::size_t> group;         // the fastest in the middle first, and its equals
  std::vector<std::size_t> others;        // fastest in the middle first
  std::optional<std::size_t> challenger;  // of the others, one that is ahead of the group somewhere
  std::size_t where = 0;                  // the point where it is furthest ahead

  [[nodiscard]] bool clear() const { return !challenger; }
};

/// Strategies within 2 % of the fastest everywhere are its equals. They win if every one of them is
/// ahead of every other strategy at every point. `steps` must not be empty.
Comparison compare(const Steps& steps);

/// The fewest assumptions, changed from the middle, that put the challenger ahead, in words. Empty
/// where it is as fast in the middle.
std::string flipping_assumption(const Comparison& comparison, const Steps& steps,
                                std::span<const Assumptions> points, const Fabric& fabric);

}  // namespace wiretax
