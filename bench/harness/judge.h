#pragma once

#include "bench/harness/plan.h"
#include "bench/harness/program.h"
#include "bench/harness/runner.h"

namespace wiretax::bench {

/// The counters that follow from the times alone, and the doubts about them.
Row judge(const Measurement& measurement, const Point& point);

/// After the program has added its own: INVALID over 100.5 % of the physical bound.
void check_bound(Row& row);

/// "valid", or "suspect: reason; reason".
std::string label_of(const Row& row);

}  // namespace wiretax::bench
