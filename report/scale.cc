#include "report/scale.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "report/units.h"

namespace wiretax {
namespace {

constexpr std::array<AlgorithmFacts, 5> kReduceAlgorithms = {{
    {ReduceAlgorithm::kRing, "ring", "2(N-1) p(S/N)",
     "Patarasuk and Yuan 2009; NCCL's ring and ASTRA-sim's"},
    {ReduceAlgorithm::kTree, "tree", "2 L p(S)",
     "binomial reduce, then broadcast: Thakur, Rabenseifner and Gropp 2005"},
    {ReduceAlgorithm::kDoubleTree, "double tree", "2(L-1) p(smallest) + 2 p(S(N-1)/N)",
     "two pipelined trees with half of the bytes each: Sanders, Speck and Traeff 2009; NCCL's "
     "tree"},
    {ReduceAlgorithm::kRecursiveDoubling, "doubling",
     "L p(S), or (L+1) p(S) where N is no power of 2",
     "recursive doubling: Thakur, Rabenseifner and Gropp 2005"},
    {ReduceAlgorithm::kHalvingDoubling, "halving",
     "2 (p(S/2) + p(S/4) + ... p(S/2^l)), l: L rounded down; + 2 p(S) where N is no power of 2",
     "recursive halving and doubling: Rabenseifner 2004"},
}};

/// The first of those that only the last digits tell apart.
constexpr double kAsFast = 1 + 1e-9;

double steps_to_all(std::uint64_t ranks) { return real(std::bit_width(ranks - 1)); }

bool is_power_of_two(std::uint64_t ranks) { return std::has_single_bit(ranks); }

/// l: what remains is folded into a power of two, and told the result at the end.
std::uint64_t halvings(std::uint64_t ranks) {
  return static_cast<std::uint64_t>(std::bit_width(ranks)) - 1;
}

double halving_doubling_s(std::uint64_t ranks, double bytes, const Curve& pair) {
  double time_s = is_power_of_two(ranks) ? 0 : 2 * pair.at(bytes).time_s;
  for (std::uint64_t step = 1; step <= halvings(ranks); ++step) {
    time_s += 2 * pair.at(std::ldexp(bytes, -static_cast<int>(step))).time_s;
  }
  return time_s;
}

double ring_s(std::uint64_t ranks, double bytes, const Curve& pair) {
  return 2 * (real(ranks) - 1) * pair.at(bytes / real(ranks)).time_s;
}

}  // namespace

const std::array<AlgorithmFacts, 5>& reduce_algorithms() { return kReduceAlgorithms; }

double formula_s(ReduceAlgorithm algorithm, std::uint64_t ranks, double bytes, const Curve& pair) {
  const double steps = steps_to_all(ranks);
  const double whole_s = pair.at(bytes).time_s;
  switch (algorithm) {
    case ReduceAlgorithm::kRing:
      return ring_s(ranks, bytes, pair);
    case ReduceAlgorithm::kTree:
      return 2 * steps * whole_s;
    case ReduceAlgorithm::kDoubleTree:
      return 2 * (steps - 1) * pair.points().front().time_s +
             2 * pair.at(bytes * (real(ranks) - 1) / real(ranks)).time_s;
    case ReduceAlgorithm::kRecursiveDoubling:
      return (is_power_of_two(ranks) ? steps : steps + 1) * whole_s;
    case ReduceAlgorithm::kHalvingDoubling:
      break;
  }
  return halving_doubling_s(ranks, bytes, pair);
}

double least_s(const MeasuredSteps& measured, std::uint64_t ranks, double bytes) {
  const double sent = 2 * (real(ranks) - 1) / real(ranks) * bytes;
  const auto quickest = std::ranges::min(measured.pair.points(), {}, &CurvePoint::time_s);
  return std::max(sent / measured.bytes_per_s, steps_to_all(ranks) * quickest.time_s);
}

CarriedTime carried_s(const MeasuredSteps& measured, ReduceAlgorithm algorithm, std::uint64_t ranks,
                      double bytes) {
  double time_s = formula_s(algorithm, ranks, bytes, measured.pair);
  if (const auto known = measured.most_ranks(); known > 0) {
    time_s *= measured.all_reduce.at(known).at(bytes).time_s /
              formula_s(algorithm, known, bytes, measured.pair);
  }
  const double least = least_s(measured, ranks, bytes);
  return {std::max(time_s, least), time_s < least};
}

std::vector<std::string_view> fastest_names(const ScaleRow& row) {
  constexpr double kAlike = 1.01;
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < row.times.size(); ++i) {
    if (row.times[i].time_s > row.times[row.fastest].time_s * kAlike) continue;
    names.push_back(reduce_algorithms()[i].name);
  }
  return names;
}

ScaleRow scale_row(const MeasuredSteps& measured, std::uint64_t ranks, std::uint64_t bytes,
                   std::uint64_t count) {
  ScaleRow row{.ranks = ranks, .bytes = bytes, .count = count, .times = {}, .measured_s = {}};
  for (const auto& facts : kReduceAlgorithms) {
    row.times.push_back(carried_s(measured, facts.algorithm, ranks, real(bytes)));
  }
  const double least = std::ranges::min(row.times, {}, &CarriedTime::time_s).time_s;
  const auto fastest = std::ranges::find_if(
      row.times, [&](const auto& time) { return time.time_s <= least * kAsFast; });
  row.fastest = static_cast<std::size_t>(fastest - row.times.begin());
  row.least_s = least_s(measured, ranks, real(bytes));
  if (const auto known = measured.all_reduce.find(ranks); known != measured.all_reduce.end()) {
    const auto time = known->second.at(real(bytes));
    if (time.range == CurveRange::kMeasured) row.measured_s = time.time_s;
  }
  return row;
}

std::vector<ScaleMiss> scale_misses(const MeasuredSteps& measured) {
  std::vector<ScaleMiss> misses;
  if (measured.all_reduce.empty()) return misses;
  const auto& base = measured.all_reduce.rbegin()->second;
  for (const auto& [ranks, curve] : measured.all_reduce) {
    if (ranks == measured.most_ranks()) continue;
    for (const auto& facts : kReduceAlgorithms) {
      ScaleMiss worst{.ranks = ranks, .algorithm = facts.algorithm};
      double furthest = -1;
      for (const auto& point : curve.points()) {
        if (base.at(real(point.bytes)).range != CurveRange::kMeasured) continue;
        const auto carried = carried_s(measured, facts.algorithm, ranks, real(point.bytes));
        const double off = std::abs(std::log(carried.time_s / point.time_s));
        if (off <= furthest) continue;
        furthest = off;
        worst.bytes = point.bytes;
        worst.carried_s = carried.time_s;
        worst.measured_s = point.time_s;
      }
      if (furthest >= 0) misses.push_back(worst);
    }
  }
  return misses;
}

}  // namespace wiretax
