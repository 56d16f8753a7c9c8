#pragma once

#include <string>
#include <string_view>

#include "report/record.h"
#include "report/table.h"

namespace wiretax {

/// Rows of wiretax-token have this operation; they are of no size, and belong on no curve.
constexpr std::string_view kToken = "token";

/// Microseconds of such a row without its pauses.
double token_wire_us(const Record& record);

/// From the rows of wiretax-token: a token's messages as they were sent, beside their price from
/// the curves of the same run, and what each kind of message took of it. Where the two differ by
/// more than a tenth it says by which kind, and what was measured of the cause. Empty where the
/// file has no such rows.
std::string token_text(const ResultFile& file, const Ink& ink);

}  // namespace wiretax
