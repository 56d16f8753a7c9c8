#pragma once

#include "report/page/page.h"
#include "report/table.h"

namespace wiretax {

/// What the contexts of a run's files say: a line for each value, with the files that say so.
Table environment_table(const PageRun& run);

}  // namespace wiretax
