#pragma once

#include <string>

#include "report/compare/run_comparison.h"
#include "report/table.h"

namespace wiretax {

/// One sentence: whether anything became slower, how many of each, and what makes it doubtful.
std::string comparison_sentence(const RunComparison& comparison);

/// The same first, then what differs, the points, and those that only one run has. Points that are
/// the same only where `all` are asked for.
std::string comparison_text(const RunComparison& comparison, bool all, const Ink& ink);

/// The form that scripts read (schema 1).
std::string comparison_json(const RunComparison& comparison, int exit_code);

/// "+40 %", "-12 %", "x 3.2" of a ratio.
std::string change_text(double ratio);

}  // namespace wiretax
