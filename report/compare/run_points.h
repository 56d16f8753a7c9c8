#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "report/record.h"
#include "report/statistics.h"

namespace wiretax {

/// One point of a run, which may hold it more than once: then the mean of the means counts. What
/// changes from start to start no single interval can see, so theirs is Student's between the
/// starts, and never narrower than the widest of their own.
struct RunPoint {
  std::vector<const Record*> measured;
  const Record* failed = nullptr;    // one that is invalid or skipped
  const ResultFile* file = nullptr;  // of the first
  [[nodiscard]] const Record& record() const { return measured.empty() ? *failed : *measured[0]; }
  [[nodiscard]] Estimate time_s() const;
  /// Their own, or one between starts that differ. Otherwise the ends of time_s() are the mean
  /// itself, and certain of nothing.
  [[nodiscard]] bool has_interval() const;
};

/// By fabric and name. The files must outlive it.
using RunPoints = std::map<std::pair<std::string, std::string>, RunPoint>;

RunPoints points_of(std::span<const ResultFile> files);

/// Two that belong together; `setting` is the key of the name in which they differ, if any.
struct PointPair {
  RunPoints::const_iterator a;
  RunPoints::const_iterator b;
  std::string setting = {};
};

/// Each point in at most one pair: those of one name and fabric; of the rest those of one name,
/// then those that differ in one setting, where that leaves no choice.
std::vector<PointPair> pairs_of(const RunPoints& a, const RunPoints& b);

}  // namespace wiretax
