#pragma once

#include "report/page/packed_json.h"
#include "report/page/page.h"

namespace wiretax {

/// What the charts of a run draw: {"curves", "links", "tokens"}. `comparison`, where there is one,
/// gives the points of this run, the later one, their verdicts.
PageJson measured_json(const PageRun& run, const RunComparison* comparison);

/// The curves of published measurements.
PageJson published_curves_json(std::span<const ResultFile> files);

}  // namespace wiretax
