#pragma once

// A row's parts as every table shows them.

#include <string>
#include <string_view>

#include "report/record.h"
#include "report/table.h"

namespace wiretax {

/// "valid", "suspect", "skipped" or "invalid".
std::string_view verdict_name(Verdict verdict);

/// "valid", or the verdict with its reason.
std::string verdict_text(const Record& record, const Ink& ink);

/// A counter that holds microseconds, or "-" where the row has none.
std::string time_text(const Record& record, std::string_view counter);

}  // namespace wiretax
