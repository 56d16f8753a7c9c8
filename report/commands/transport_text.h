#pragma once

#include <string>

#include "report/table.h"
#include "report/transport/judge.h"

namespace wiretax {

/// Verdict, proof, what to do, and a table of the ranks.
std::string transport_text(const TransportReport& report, const Ink& ink);

}  // namespace wiretax
