#pragma once

#include <string>
#include <vector>

#include "bench/harness/program.h"
#include "bench/harness/token_prices.h"
#include "report/schedule.h"

namespace wiretax::bench {

/// Counters of a token's row from what TokenBody saw on every rank: its price, and of each kind of
/// message what it took, what it is priced, what its first ones took more than the others, and what
/// it costs alone. Needs the counter wire_us.
void add_shares(const std::vector<ScheduleStep>& steps, const std::vector<std::string>& evidence,
                const TokenPrices::Seconds& prices, Row& row);

/// The pauses of a token, and what the slowest rank read of memory in them.
void add_pauses(const std::vector<std::string>& evidence, double asked_us, Row& row);

/// What the carrier saw, by rank.
std::vector<std::string> growth_of(const std::vector<std::string>& evidence);

}  // namespace wiretax::bench
