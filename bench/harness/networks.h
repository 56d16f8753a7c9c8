#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/harness/host.h"
#include "bench/harness/program.h"

namespace wiretax::bench {

/// A network that every rank has an interface on.
struct Network {
  std::string label;  // rank 0's name of it
  bool loopback = false;
  std::vector<Interface> by_rank;

  [[nodiscard]] std::uint32_t address_of(int rank) const;
  /// TCP payload per second between two ranks; absent where an end is virtual.
  [[nodiscard]] std::optional<double> bound(int from, int to) const;
};

/// Collective: `mine` of every rank.
std::vector<std::vector<Interface>> exchange_interfaces(Ranks& ranks,
                                                        const std::vector<Interface>& mine);

/// Collective. Each of `wanted` (names or networks) as every rank knows it; without any, loopback
/// where all ranks share a network stack, else the fastest network that all have in common. Throws
/// Failure.
std::vector<Network> shared_networks(Session& session, const std::vector<std::string>& wanted);

}  // namespace wiretax::bench
