#pragma once

#include <string>
#include <vector>

#include "report/cost.h"

namespace wiretax {

/// How the step of a plan comes about, line by line, so that it can be redone by hand: bytes of
/// each part, the machine's share, bandwidth, every message with the measured points that it was
/// taken from. The times at the ends of the lines before the last but one add up to the step.
std::vector<std::string> derivation(const Model& model, const Machine& machine,
                                    const Fabric& fabric, const Workload& workload,
                                    const Plan& plan, const Assumptions& at);

}  // namespace wiretax
