#pragma once

#include <span>
#include <string>

#include "report/explain/explain.h"
#include "report/table.h"

namespace wiretax {

/// The sentence, then what each observation says, what the wire is like, what else it could be, and
/// the assumptions.
std::string explanation_text(const Explanation& explanation, const Ink& ink);

/// The form for scripts (schema 1): all explanations, what contradicts what, and statements.
std::string explanation_json(std::span<const Explanation> explanations,
                             std::span<const std::string> contradictions,
                             std::span<const std::string> statements);

}  // namespace wiretax
