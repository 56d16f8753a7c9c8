#pragma once

#include "report/decide.h"
#include "report/table.h"

namespace wiretax {

/// What the user would lose if NCCL took another path without a word; empty where nobody measured
/// one.
Table fallbacks_table(const Decision& decision);

}  // namespace wiretax
