#pragma once

#include <string_view>

#include "report/importers/importer.h"

namespace wiretax {

/// Whether it looks like output of perftest, from words that it always prints.
bool is_perftest(std::string_view text);

/// Text: the header decides the columns and the unit. JSON names no unit; message rate times size
/// tells it. Source: perftest 6.29, src/perftest_parameters.c, and perftest 6.06 as it runs.
ResultFile import_perftest(const ForeignText& source);

}  // namespace wiretax
