#pragma once

#include <string>
#include <string_view>

#include "report/page/page.h"
#include "report/table.h"

namespace wiretax {

/// Models by batches on one fabric that decides: who wins, and by how much; HTML. `attributes` are
/// the table's.
std::string map_html(const DecidedContext& at, const Fabric& fabric, const std::string& attributes);

/// Every answer of the fabrics that decide, a sentence each.
Table answers_table(const PageRun& run);

/// What a step of every strategy is made of, on one fabric.
Table strategies_table(const PageRun& run, std::string_view fabric);

/// The batches between which an answer stays.
Table stretches_table(const PageRun& run);

}  // namespace wiretax
