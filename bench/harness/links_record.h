#pragma once

#include <string>
#include <vector>

#include "bench/harness/links_together.h"
#include "bench/harness/program.h"

namespace wiretax::bench {

/// Counters of a row: what each link did, what all did together and how unevenly. Invalid where
/// they were at work together for less than LinksTogether::kLeastOverlap of the time.
void add_rates(const LinksTogether& seen, const std::vector<std::string>& names, Row& row);

/// What the sender's counters tell of where the bytes went.
void add_wire_bytes(const LinksTogether& sent, const std::vector<std::string>& names, Row& row);

}  // namespace wiretax::bench
