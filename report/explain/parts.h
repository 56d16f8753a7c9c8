#pragma once

// What an explanation is put together from.

#include <span>
#include <string>
#include <vector>

#include "report/explain/explain.h"

namespace wiretax {

/// Those that tell of the wire more than an order, by the size of their all-reduces.
std::vector<const Reading*> readings_of_the_wire(const Explanation& explanation);

/// Every fabric of as many ranks: those that fit first, then by distance.
std::vector<CurveMatch> match_curves(const Explanation& explanation,
                                     std::span<const Fabric> fabrics);
/// Of all sizes between the smallest and the largest; empty with fewer than three.
std::vector<Prediction> predict(const Explanation& explanation);

/// What was not measured, not used, out of order, or does not fit into memory.
void add_notes(std::span<const Fabric> fabrics, Explanation& explanation);

/// The answer, from all that is there.
std::string sentence_of(const Explanation& explanation);
/// What to type next.
std::string next_of(const Explanation& explanation);

}  // namespace wiretax
