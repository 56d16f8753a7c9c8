#pragma once

#include <string_view>

#include "report/importers/importer.h"

namespace wiretax {

/// Whether it looks like output of the OSU micro-benchmarks, from words that it always prints.
bool is_osu(std::string_view text);

/// Source: 7.4, c/util/osu_util_mpi.c. Collectives: the mean over ranks of operations behind a
/// barrier each; sizes of all_gather, all_to_all, gather and scatter are per rank there and total
/// here.
ResultFile import_osu(const ForeignText& source);

}  // namespace wiretax
