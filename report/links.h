#pragma once

#include <string>
#include <vector>

#include "report/record.h"
#include "report/table.h"

namespace wiretax {

/// From the rows of wiretax-links: each link alone beside what it did while all were at work, their
/// sum, and what was to be expected: min(1, bound / sum of what each did alone), with the element
/// that limits and what each device is plugged into. Between more than
/// two ranks also the pairs side by side, with those named that are far behind the others. Empty
/// where the file has no such rows.
std::string links_text(const ResultFile& file, const Ink& ink);

/// The same as tables: the links, and what each device is plugged into. None is empty.
std::vector<Table> links_tables(const ResultFile& file);

}  // namespace wiretax
