#pragma once

#include <utility>
#include <vector>

namespace wiretax::bench {

/// Every pair of ranks once, in rounds in which each rank has at most one partner (the circle
/// method of tournaments): n-1 rounds for even n, n for odd n. The lower rank comes first.
std::vector<std::vector<std::pair<int, int>>> round_robin(int ranks);

}  // namespace wiretax::bench
