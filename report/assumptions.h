#pragma once

#include <string>

#include "report/decide.h"

namespace wiretax {

/// What the numbers rest on: the machine, its efficiency, the workload. Lines of text.
std::string assumptions_text(const Request& request);

}  // namespace wiretax
