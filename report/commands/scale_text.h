#pragma once

#include <span>
#include <string>

#include "report/scale.h"
#include "report/table.h"

namespace wiretax {

/// A sentence that says what is extrapolated, a table for each size, the formulas, how far they
/// were off where it is known, and what was assumed.
std::string scale_text(const MeasuredSteps& measured, std::span<const ScaleRow> rows,
                       const Ink& ink);

/// The form that scripts read (schema 1).
std::string scale_json(const MeasuredSteps& measured, std::span<const ScaleRow> rows);

}  // namespace wiretax
