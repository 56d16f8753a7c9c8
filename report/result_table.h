#pragma once

#include <string>

#include "report/record.h"
#include "report/table.h"

namespace wiretax {

/// The rows of one result file for people: a table for each curve (the name without its size),
/// sizes ascending. Times are of one operation.
std::string result_table(const ResultFile& file, const Ink& ink);

/// What the columns mean; printed once under all tables.
std::string result_table_legend();

}  // namespace wiretax
