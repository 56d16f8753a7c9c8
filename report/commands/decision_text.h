#pragma once

#include "report/decide.h"
#include "report/table.h"

namespace wiretax {

/// Prints a decision for people: a line for each model and batch, the assumptions, then the answers
/// that are left to say in words. The parts of every step come with `detail`, or where there is
/// little.
void print_decision(const Request& request, const Decision& decision, bool detail, const Ink& ink);

}  // namespace wiretax
