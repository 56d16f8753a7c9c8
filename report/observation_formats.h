#pragma once

// The forms of an observation file, each in its own function. Not for users of the library.

#include <string>
#include <string_view>

#include "report/observation.h"

namespace wiretax {

Observations parse_benchy_json(std::string_view text, const std::string& origin);
/// An array of objects, or one object a line.
Observations parse_bench_json(std::string_view text, const std::string& origin);
Observations parse_bench_csv(std::string_view text, const std::string& origin);
/// A table of either tool.
Observations parse_bench_table(std::string_view text, const std::string& origin);

/// The whole text as a number above 0 that can be a rate, or a reason why it is none.
double parse_rate(std::string_view text);

/// Adds a row, unless one of the same name is there. Throws std::invalid_argument.
void add_once(std::vector<Observation>& rows, Observation row);

constexpr double kMostTokensPerSecond = 1e9;
constexpr std::uint64_t kMostObservedTokens = 10'000'000;

}  // namespace wiretax
