#pragma once

#include "report/page/page.h"
#include "report/table.h"

namespace wiretax {

/// Every point of a run, in fixed units and without any in the cells, so that the table sorts and
/// is a CSV as it stands. What the samples cannot say is empty.
Table rows_table(const PageRun& run);

/// Every point that both runs of a comparison have.
Table comparison_table(const RunComparison& comparison);

}  // namespace wiretax
