#pragma once

#include <string_view>

#include "report/importers/importer.h"

namespace wiretax {

/// Whether it looks like output of nccl-tests, from words that it always prints.
bool is_nccl_tests(std::string_view text);

/// Text: the header decides what the columns are. JSON: versions 1 to 4. Source of both: nccl-tests
/// 2.19.6, src/util.cu and src/common.cu.
ResultFile import_nccl_tests(const ForeignText& source);

}  // namespace wiretax
