#pragma once

#include <span>
#include <string>

#include "report/record.h"
#include "report/table.h"

namespace wiretax {

/// How much of a library's time is not the wire: chained collectives of any backend beside
/// one_shot, RDMA writes of our own that do nothing but move the data, at the sizes, ranks and
/// types that both have. Empty where no file has one_shot, or nothing to stand beside it.
std::string floor_text(std::span<const ResultFile> files, const Ink& ink);

/// Its table, which may be empty.
Table floor_table(std::span<const ResultFile> files);

}  // namespace wiretax
