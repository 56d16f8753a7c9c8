#pragma once

#include "report/commands/commands.h"
#include "report/decide.h"

namespace wiretax {

/// What the engine does: drafts, KV cache, strategies, the shape of the requests. Throws
/// std::invalid_argument that names the option.
void read_workload(const DecideOptions& options, Request& request);

}  // namespace wiretax
