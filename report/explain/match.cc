#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "report/explain/parts.h"
#include "report/units.h"

namespace wiretax {
namespace {

/// How far a time is outside of a range: as many times its nearer end, 1 inside.
double times_outside(const Band& seen, const Band& range) {
  if (seen.low > range.high) return seen.low / range.high;
  return seen.high < range.low ? seen.high / range.low : 1;
}

CurveMatch match_curve(std::span<const Reading* const> wires, const Fabric& fabric) {
  CurveMatch match{.fabric = fabric.name,
                   .published = fabric.kind == FabricKind::kPublished,
                   .path = fabric.path,
                   .least = std::numeric_limits<double>::infinity(),
                   .fastest = std::numeric_limits<double>::infinity()};
  for (const auto* reading : wires) {
    const auto& each = reading->wire->each_s;
    const auto curve = fabric.all_reduce.at(real(reading->wire->bytes));
    match.least = std::min(match.least, std::max(each.low, 0.0) / curve.time_s);
    match.most = std::max(match.most, each.high / curve.time_s);
    const double outside = times_outside(each, band_of(fabric, curve));
    match.slowest = std::max(match.slowest, outside);
    match.fastest = std::min(match.fastest, outside);
    // Where nothing may be left, half of what may be stands for the middle.
    const double middle = each.mid > 0 ? each.mid : each.high / 2;
    match.distance += std::abs(std::log(middle / curve.time_s)) / static_cast<double>(wires.size());
  }
  return match;
}

}  // namespace

std::vector<const Reading*> readings_of_the_wire(const Explanation& explanation) {
  std::vector<const Reading*> found;
  for (const auto& reading : explanation.readings) {
    if (reading.tells_of_the_wire() && !reading.at_most) found.push_back(&reading);
  }
  std::ranges::stable_sort(found, {}, [](const Reading* reading) { return reading->wire->bytes; });
  return found;
}

std::vector<CurveMatch> match_curves(const Explanation& explanation,
                                     std::span<const Fabric> fabrics) {
  std::vector<CurveMatch> matches;
  const auto wires = readings_of_the_wire(explanation);
  for (const auto& fabric : fabrics) {
    if (wires.empty() || fabric.ranks != explanation.claim->ranks) continue;
    matches.push_back(match_curve(wires, fabric));
  }
  std::ranges::stable_sort(matches, {}, [](const CurveMatch& match) {
    return std::pair(!match.fits(), match.distance);
  });
  return matches;
}

std::vector<Prediction> predict(const Explanation& explanation) {
  std::vector<Prediction> predictions;
  auto wires = readings_of_the_wire(explanation);
  std::erase_if(wires, [](const Reading* reading) { return !reading->bounds_the_wire(); });
  if (wires.size() < 3) return predictions;
  const auto point = [](const Reading* reading) {
    const double time_s = reading->wire->each_s.mid;
    return CurvePoint{reading->wire->bytes, time_s, {time_s, time_s}};
  };
  const auto first = point(wires.front());
  const auto last = point(wires.back());
  const Curve curve({first, last});
  for (const auto* reading : wires) {
    const auto& wire = *reading->wire;
    if (wire.bytes == first.bytes || wire.bytes == last.bytes) continue;
    const double tokens = reading->seen.tokens_per_s * reading->seen_s;
    const auto rate = [&](double each_s) {
      return tokens / (wire.rest_s.mid + real(wire.count) * each_s);
    };
    const auto bytes = real(wire.bytes);
    predictions.push_back({reading->seen.name(), reading->seen.tokens_per_s,
                           rate(curve.at(bytes).time_s),
                           rate(line_through(first, last).at(bytes))});
  }
  return predictions;
}

}  // namespace wiretax
