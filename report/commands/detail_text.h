#pragma once

#include <string>

#include "report/decide.h"
#include "report/table.h"

namespace wiretax {

/// The parts of every step.
void print_rows(const Request& request, const Decision& decision, const Ink& ink);

/// What the user would lose if NCCL took another path without a word.
void print_fallbacks(const Request& request, const Decision& decision, const Ink& ink);

std::string microseconds(double seconds);
/// In microseconds, or that there is none.
std::string break_even(double seconds);

}  // namespace wiretax
