#pragma once

#include "report/decide.h"
#include "report/table.h"

namespace wiretax {

/// Prints a decision for people: the answer in words, a line for each model and batch, the batches
/// at which the answer changes, the assumptions. What a fallback would cost and the parts of every
/// step come with `detail`, or where there is little.
void print_decision(const Request& request, const Decision& decision, bool detail, const Ink& ink);

}  // namespace wiretax
