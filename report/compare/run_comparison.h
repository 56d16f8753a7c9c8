#pragma once

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "report/compare/context_difference.h"
#include "report/record.h"
#include "report/statistics.h"

namespace wiretax {

/// What became of a point's time from run A to run B. kSame: all of the ratio's interval is within
/// the threshold; kAmbiguous: only some of it is.
enum class Change { kSlower, kFaster, kAmbiguous, kSame, kNotComparable };

/// "SLOWER", "FASTER", "AMBIGUOUS", "SAME" or "NOT COMPARABLE".
std::string_view change_name(Change change);

/// A point that both runs have measured. Ratios are of times: B over A, so above 1 is slower.
struct ComparedPoint {
  std::string fabric;
  std::string name;  // of A
  Estimate a;        // seconds
  Estimate b;
  double ratio = 1;
  Interval interval;  // 95 %; of those that are SLOWER or FASTER widened, see widened_by
  Change change = Change::kAmbiguous;
  bool has_intervals = true;         // of both; else nothing is certain
  bool beyond_in_middle = false;     // ambiguous, though the middle is slower by the threshold
  std::vector<std::string> reasons;  // why ambiguous or not comparable, and what is suspect
};

/// A point that one run has alone, or that failed in it.
struct LonePoint {
  std::string fabric;
  std::string name;
  std::string reason;  // of one that failed: "invalid: wrong data"
};

struct CompareRequest {
  double threshold = .05;         // of the time
  std::set<std::string> changed;  // differences that are meant, and so forbid nothing
};

struct RunComparison {
  double threshold = .05;
  std::vector<ComparedPoint> points;  // by fabric and name
  std::vector<LonePoint> only_a;
  std::vector<LonePoint> only_b;
  std::vector<LonePoint> broken_a;  // invalid or skipped
  std::vector<LonePoint> broken_b;
  std::vector<Difference> differences;
  std::vector<std::string> notes;
  std::size_t repeated = 0;      // points that a run has more than once
  std::size_t newly_broken = 0;  // measured in A, invalid or skipped in B
  double confidence = .95;       // of the intervals of those that are SLOWER or FASTER

  [[nodiscard]] std::size_t count(Change change) const;
  /// Points of which nothing is certain, though they could be compared.
  [[nodiscard]] std::size_t without_intervals() const;
  /// Why nobody should rely on it, where no point is slower; empty otherwise.
  [[nodiscard]] std::string doubt() const;
};

/// Points belong together by name and fabric; what only one side has, also where they differ in one
/// key that says how it was measured. What differs in the context and forbids a comparison makes
/// them NOT COMPARABLE. Of the points called SLOWER or FASTER at most 5 % are so by chance, in the
/// mean, however many are compared: their intervals are those of Benjamini and Yekutieli (2005).
RunComparison compare_runs(std::span<const ResultFile> a, std::span<const ResultFile> b,
                           const CompareRequest& request);

}  // namespace wiretax
