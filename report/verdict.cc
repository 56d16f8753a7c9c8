#include "report/verdict.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "report/units.h"

namespace wiretax {
namespace {

/// Closer than this nobody would choose by speed.
constexpr double kEqual = 0.02;

std::vector<double> distinct(const Band& band) {
  std::vector<double> values = {band.mid};  // the middle first
  for (const double end : {band.low, band.high}) {
    if (std::ranges::count(values, end) == 0) values.push_back(end);
  }
  return values;
}

bool are_equal(std::span<const double> a, std::span<const double> b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::max(a[i], b[i]) > (1 + kEqual) * std::min(a[i], b[i])) return false;
  }
  return true;
}

/// Assumptions in which a point differs from the middle, in words.
std::vector<std::string> differences(const Assumptions& point, const Assumptions& middle,
                                     const Fabric& fabric) {
  std::vector<std::string> words;
  if (point.efficiency != middle.efficiency) {
    words.push_back(fmt::format("memory efficiency {:.2g}", point.efficiency));
  }
  if (point.fixed_s != middle.fixed_s) {
    words.push_back(fmt::format("fixed cost {:.3g} ms", point.fixed_s / kMillisecond));
  }
  if (point.gamma != middle.gamma) {
    words.push_back(fmt::format("expert overlap gamma {:.2g}", point.gamma));
  }
  if (point.prefill_flops_per_s != middle.prefill_flops_per_s) {
    words.push_back(
        fmt::format("prompts read at {:.3g} TFLOP/s", point.prefill_flops_per_s / kTeraflop));
  }
  if (point.wire != middle.wire) {
    const bool published = fabric.kind == FabricKind::kPublished;
    // A published time is taken x1 to x1.5, and in a hole of its curve by more.
    words.emplace_back(fmt::format("wire at the {} end of its {}", point.wire > 0 ? "slow" : "fast",
                                   published ? "range" : "interval"));
  }
  return words;
}

}  // namespace

std::vector<Assumptions> box_points(const Machine& machine, const Band& gamma, bool is_moe) {
  const auto gammas = is_moe ? distinct(gamma) : std::vector<double>{gamma.mid};
  std::vector<Assumptions> points;
  for (const double efficiency : distinct(machine.efficiency)) {
    for (const double fixed_s : distinct(machine.fixed_s)) {
      for (const double overlap : gammas) {
        for (const double wire : {0.0, -1.0, 1.0}) {
          points.push_back({efficiency, fixed_s, overlap, wire});
        }
      }
    }
  }
  return points;
}

std::vector<Assumptions> with_prefill(std::span<const Assumptions> points,
                                      const Band& flops_per_s) {
  std::vector<Assumptions> more;
  for (const double rate : distinct(flops_per_s)) {
    for (auto point : points) {
      point.prefill_flops_per_s = rate;
      more.push_back(point);
    }
  }
  return more;
}

Comparison compare(const Steps& steps) {
  std::vector<std::size_t> order(steps.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return steps[i].front(); });
  Comparison result;
  for (const auto i : order) {
    auto& side = are_equal(steps[order.front()], steps[i]) ? result.group : result.others;
    side.push_back(i);
  }
  double furthest = 0;
  for (const auto other : result.others) {
    for (const auto member : result.group) {
      for (std::size_t point = 0; point < steps[other].size(); ++point) {
        const double lead = steps[member][point] / steps[other][point];
        if (lead < 1 || lead <= furthest) continue;
        furthest = lead;
        result.challenger = other;
        result.where = point;
      }
    }
  }
  return result;
}

std::string flipping_assumption(const Comparison& comparison, const Steps& steps,
                                std::span<const Assumptions> points, const Fabric& fabric) {
  const auto& leader = steps[comparison.group.front()];
  const auto& challenger = steps[*comparison.challenger];
  auto fewest = differences(points[comparison.where], points.front(), fabric);
  for (std::size_t point = 0; point < points.size(); ++point) {
    auto words = differences(points[point], points.front(), fabric);
    if (challenger[point] <= leader[point] && words.size() < fewest.size()) {
      fewest = std::move(words);
    }
  }
  return fmt::format("{}", fmt::join(fewest, " and "));
}

}  // namespace wiretax
