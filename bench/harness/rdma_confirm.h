#pragma once

#include <string>
#include <vector>

#include "bench/harness/rdma_links.h"

namespace wiretax::bench {

/// Collective: writes once over every link of every pair of ranks and compares what arrives. A link
/// that was found by itself and does not carry a write is dropped, with a note; one that was named
/// with --device is a failure.
void confirm_links(Session& session, RdmaLinks& links, bool named);

}  // namespace wiretax::bench
