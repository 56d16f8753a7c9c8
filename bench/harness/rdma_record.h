#pragma once

#include <optional>
#include <string>

#include "bench/harness/program.h"
#include "bench/harness/round_robin.h"
#include "verbs/bound.h"
#include "verbs/counters.h"

namespace wiretax::bench {

/// Puts into the result file what limits a link between two ranks, or several with their names
/// joined by '+': context entry "bound_limits", {"0-1": {LINKS: LIMIT}}.
void add_limit(Session& session, const RankPair& pair, const std::string& links,
               const std::optional<verbs::Bound>& bound);

/// What the counters of one end's port tell after a measurement.
struct PortGrowth {
  std::string port;
  verbs::Counters growth;
  bool tells_losses = false;  // else nothing grew since nobody counts
};

/// Doubts for what grew on a rank's port that means loss or congestion, and the counter
/// `retransmits` for what was sent again, where that is counted.
void add_rdma_losses(const PortGrowth& seen, const std::string& rank, Row& row);

}  // namespace wiretax::bench
