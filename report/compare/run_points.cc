#include "report/compare/run_points.h"

#include <algorithm>
#include <set>

#include "report/compare/context_difference.h"

namespace wiretax {
namespace {

using PointIterator = RunPoints::const_iterator;

/// What may stand for a point, and which of them does.
using PointIndex = std::map<std::string, std::vector<PointIterator>>;

class Pairing {
 public:
  Pairing(const RunPoints& a, const RunPoints& b) : a_(a), b_(b) {}

  std::vector<PointPair> pairs() {
    pair_equal();
    pair_by("", [](PointIterator at) { return at->first.second; });
    for (const auto& key : settings()) {
      pair_by(key, [&](PointIterator at) { return without(at, key); });
    }
    return std::move(pairs_);
  }

 private:
  void take(PointIterator a, PointIterator b, const std::string& setting) {
    taken_.insert(&*a);
    taken_.insert(&*b);
    pairs_.push_back({a, b, setting});
  }

  [[nodiscard]] bool is_taken(PointIterator at) const { return taken_.contains(&*at); }

  void pair_equal() {
    for (auto a = a_.begin(); a != a_.end(); ++a) {
      if (const auto b = b_.find(a->first); b != b_.end()) take(a, b, "");
    }
  }

  template <typename Name>
  [[nodiscard]] PointIndex index(const RunPoints& points, Name name) const {
    PointIndex found;
    for (auto at = points.begin(); at != points.end(); ++at) {
      if (is_taken(at)) continue;
      if (auto text = name(at); !text.empty()) found[std::move(text)].push_back(at);
    }
    return found;
  }

  /// Those alone in their run that come to the same text.
  template <typename Name>
  void pair_by(const std::string& setting, Name name) {
    const auto of_a = index(a_, name);
    const auto of_b = index(b_, name);
    for (const auto& [text, candidates] : of_a) {
      const auto found = of_b.find(text);
      if (found == of_b.end() || candidates.size() != 1 || found->second.size() != 1) continue;
      take(candidates.front(), found->second.front(), setting);
    }
  }

  [[nodiscard]] std::set<std::string> settings() const {
    std::set<std::string> keys;
    for (const auto* points : {&a_, &b_}) {
      for (const auto& [id, point] : *points) {
        for (const auto& [key, value] : point.record().keys) {
          if (is_setting(key)) keys.insert(key);
        }
      }
    }
    return keys;
  }

  /// The name without that key; empty where it has no such key.
  static std::string without(PointIterator at, const std::string& left_out) {
    const auto& record = at->second.record();
    if (record.key(left_out).empty()) return {};
    auto name = record.operation;
    for (const auto& [key, value] : record.keys) {
      if (key != left_out) name.append("/").append(key).append(":").append(value);
    }
    return name;
  }

  const RunPoints& a_;
  const RunPoints& b_;
  std::set<const void*> taken_;
  std::vector<PointPair> pairs_;
};

std::vector<double> start_times(const std::vector<const Record*>& measured) {
  std::vector<double> times;
  times.reserve(measured.size());
  for (const auto* record : measured) times.push_back(record->time_s);
  return times;
}

}  // namespace

Estimate RunPoint::time_s() const {
  const auto times = start_times(measured);
  const double middle = mean(times);
  auto estimate = student_estimate(times).value_or(
      Estimate{.mean = middle, .interval = {middle, middle}, .degrees = 0});
  for (const auto* record : measured) {
    const auto own = record->curve_point().interval_s;
    auto& [low, high] = estimate.interval;
    low = std::min(low, middle * own.low / record->time_s);
    high = std::max(high, middle * own.high / record->time_s);
  }
  return estimate;
}

bool RunPoint::has_interval() const {
  const auto told = [](const Record* record) { return record->counter("mean_lo_us").has_value(); };
  return std::ranges::any_of(measured, told) || student_estimate(start_times(measured)).has_value();
}

RunPoints points_of(std::span<const ResultFile> files) {
  RunPoints points;
  for (const auto& file : files) {
    const std::string fabric(file.context_value("wiretax_fabric"));
    for (const auto& record : file.records) {
      auto& point = points[{fabric, record.name}];
      if (point.file == nullptr) point.file = &file;
      if (record.measured()) {
        point.measured.push_back(&record);
      } else {
        point.failed = &record;
      }
    }
  }
  return points;
}

std::vector<PointPair> pairs_of(const RunPoints& a, const RunPoints& b) {
  return Pairing(a, b).pairs();
}

}  // namespace wiretax
