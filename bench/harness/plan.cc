#include "bench/harness/plan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <tuple>
#include <utility>

namespace wiretax::bench {
namespace {

constexpr double kQuickBudget = 60;
constexpr double kOverheadPerMeasurement = 0.1;  // preparing, checking, control traffic

/// Points that are measured together, as one unit of time and of choice.
struct Unit {
  std::vector<Point> points;
  std::string curve;  // the name without the size
  double log_bytes = 0;
  double cost_s = 0;
};

double cost_of(const Point& point, Profile profile) {
  return rules_for(profile, point.precision).worst_case_s() + kOverheadPerMeasurement;
}

std::vector<Unit> group_by_specification(std::vector<Point> points, Profile profile) {
  std::vector<Unit> units;
  std::map<std::string, std::size_t> known;
  for (auto& point : points) {
    const auto [entry, is_new] = known.try_emplace(point.specification, units.size());
    if (is_new) {
      units.push_back({.points = {},
                       .curve = curve_of(point),
                       .log_bytes = std::log(static_cast<double>(point.bytes)),
                       .cost_s = cost_of(point, profile)});
    }
    units[entry->second].points.push_back(std::move(point));
  }
  return units;
}

/// How far (as a logarithm of a ratio) a unit lies from the nearest chosen one of its curve.
double distance(const Unit& unit, const std::vector<Unit>& chosen) {
  double nearest = std::numeric_limits<double>::infinity();
  for (const auto& other : chosen) {
    if (other.curve == unit.curve) {
      nearest = std::min(nearest, std::abs(other.log_bytes - unit.log_bytes));
    }
  }
  return nearest;
}

bool is_end_of_curve(const Unit& unit, const std::vector<Unit>& units) {
  const auto beyond = [&](bool above) {
    return std::ranges::any_of(units, [&](const Unit& other) {
      return other.curve == unit.curve && other.log_bytes != unit.log_bytes &&
             (other.log_bytes > unit.log_bytes) == above;
    });
  };
  return !beyond(true) || !beyond(false);
}

/// Splits units into those that the budget allows and those left out: first the ends of every
/// curve.
std::pair<std::vector<Unit>, std::vector<Unit>> choose(const std::vector<Unit>& units) {
  std::vector<Unit> chosen;
  std::vector<Unit> left;
  double budget_s = kQuickBudget;
  const auto take = [&](const Unit& unit) {
    budget_s -= unit.cost_s;
    chosen.push_back(unit);
  };
  for (const auto& unit : units) {
    if (is_end_of_curve(unit, units) && budget_s >= unit.cost_s) {
      take(unit);
    } else {
      left.push_back(unit);
    }
  }
  while (!left.empty()) {
    const auto farthest = std::ranges::max_element(
        left, {}, [&](const Unit& unit) { return distance(unit, chosen); });
    if (budget_s < farthest->cost_s) break;
    take(*farthest);
    left.erase(farthest);
  }
  return {std::move(chosen), std::move(left)};
}

}  // namespace

std::string curve_of(const Point& point) {
  return point.name.substr(0, point.name.rfind("/bytes:"));
}

Plan make_plan_of_sets(std::vector<std::vector<Point>> sets, Profile profile, std::uint64_t seed) {
  Plan plan;
  double budget_s = profile == Profile::kQuick ? kQuickBudget : std::numeric_limits<double>::max();
  std::vector<std::vector<Point>> chosen;
  std::set<std::string> paid;
  for (auto& set : sets) {
    double cost_s = 0;
    for (const auto& point : set) cost_s += paid.contains(point.name) ? 0 : cost_of(point, profile);
    if (cost_s > budget_s) {
      plan.left_out.push_back(std::move(set.back()));
    } else {
      budget_s -= cost_s;
      for (const auto& point : set) paid.insert(point.name);
      chosen.push_back(std::move(set));
    }
  }
  std::ranges::shuffle(chosen, std::mt19937_64(seed));
  std::set<std::string> placed;
  for (auto& set : chosen) {
    for (auto& point : set) {
      if (placed.insert(point.name).second) plan.points.push_back(std::move(point));
    }
  }
  return plan;
}

Plan make_plan(std::vector<Point> points, Profile profile, std::uint64_t seed) {
  auto units = group_by_specification(std::move(points), profile);
  std::vector<Unit> left;
  if (profile == Profile::kQuick) {
    std::tie(units, left) = choose(units);
  }
  std::ranges::shuffle(units, std::mt19937_64(seed));
  Plan plan;
  for (auto& unit : units) std::ranges::move(unit.points, std::back_inserter(plan.points));
  for (const auto& unit : left) {
    std::ranges::copy(unit.points, std::back_inserter(plan.left_out));
  }
  std::ranges::sort(plan.left_out, {},
                    [](const Point& p) { return std::pair(curve_of(p), p.bytes); });
  return plan;
}

}  // namespace wiretax::bench
