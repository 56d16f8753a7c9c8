#pragma once

#include "report/decide.h"

namespace wiretax {

/// What the numbers rest on.
void print_assumptions(const Request& request, const Decision& decision);

}  // namespace wiretax
