#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "report/curve.h"
#include "report/record.h"

namespace wiretax {

/// How an all_reduce may go about it.
enum class ReduceAlgorithm { kRing, kTree, kDoubleTree, kRecursiveDoubling, kHalvingDoubling };

/// p(x): one way of x bytes between two ranks; L: log2 N, rounded up; S: bytes.
struct AlgorithmFacts {
  ReduceAlgorithm algorithm = ReduceAlgorithm::kRing;
  std::string_view name;
  std::string_view formula;
  std::string_view source;
};

const std::array<AlgorithmFacts, 5>& reduce_algorithms();

/// What was measured of one fabric, on which N ranks are worked out on paper.
struct MeasuredSteps {
  std::string fabric;
  Curve pair;             // one way
  std::string pair_from;  // "send_recv", or "half an all_reduce of 2 ranks and twice the bytes"
  std::map<std::uint64_t, Curve> all_reduce;  // by ranks, none of them empty
  double bytes_per_s = 0;                     // what the wire carries at most
  std::string bytes_per_s_from;
  std::vector<std::string> notes;

  /// Of those that were measured; 0 where no all_reduce was.
  [[nodiscard]] std::uint64_t most_ranks() const {
    return all_reduce.empty() ? 0 : all_reduce.rbegin()->first;
  }
};

/// Throws InputError where neither send_recv nor an all_reduce of two ranks was measured, and
/// std::invalid_argument where `fabric` is none of the files', or empty and they have several.
MeasuredSteps measured_steps(std::span<const ResultFile> files, std::string_view fabric);

/// The algorithm's formula over the pair's curve, as it stands.
double formula_s(ReduceAlgorithm algorithm, std::uint64_t ranks, double bytes, const Curve& pair);

/// No all_reduce is faster: each rank sends 2(N-1)/N of the bytes, and what one rank knows takes L
/// steps to reach all (Chan, Heimlich, Purkayastha and van de Geijn 2007).
double least_s(const MeasuredSteps& measured, std::uint64_t ranks, double bytes);

struct CarriedTime {
  double time_s = 0;
  bool at_bound = false;  // the formula fell below what the wire allows
};

/// The formula, made to agree with the all_reduce of the most ranks that were measured, and never
/// below the bound.
CarriedTime carried_s(const MeasuredSteps& measured, ReduceAlgorithm algorithm, std::uint64_t ranks,
                      double bytes);

/// An all_reduce on paper. Times are in the order of reduce_algorithms().
struct ScaleRow {
  std::uint64_t ranks = 2;
  std::uint64_t bytes = 0;
  std::uint64_t count = 0;  // a step's of a model; 0 where none was named
  std::vector<CarriedTime> times;
  std::size_t fastest = 0;
  double least_s = 0;
  std::optional<double> measured_s;  // then the others are not extrapolated
};

/// Where a formula, carried to other ranks that were measured, is furthest off.
struct ScaleMiss {
  std::uint64_t ranks = 2;
  ReduceAlgorithm algorithm = ReduceAlgorithm::kRing;
  std::uint64_t bytes = 0;
  double carried_s = 0;
  double measured_s = 0;
};

/// Names of the fastest algorithm and of those within 1 % of it, which nobody can tell apart.
std::vector<std::string_view> fastest_names(const ScaleRow& row);

ScaleRow scale_row(const MeasuredSteps& measured, std::uint64_t ranks, std::uint64_t bytes,
                   std::uint64_t count);
std::vector<ScaleMiss> scale_misses(const MeasuredSteps& measured);

}  // namespace wiretax
