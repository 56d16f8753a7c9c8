#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "verbs/port.h"

namespace wiretax::verbs {

/// A port of this host and the port of the other host that it most likely reaches. Only a write
/// over it proves that it does.
struct Link {
  std::size_t mine = 0;
  std::size_t theirs = 0;
  std::string doubt;  // what may be wrong with the choice; empty: one subnet, no other candidate
};

/// Addresses of two ports in one IPv4 subnet, host byte order.
struct CommonSubnet {
  std::uint32_t mine = 0;
  std::uint32_t theirs = 0;
};
/// One of 169.254.0.0/16 only where there is no other.
std::optional<CommonSubnet> common_subnet(const Port& mine, const Port& theirs);

/// Ports that are ACTIVE, each with its partner: the one in a common IPv4 subnet; where several or
/// none are, the one at the same place of PCI and of the same cage, since hosts of one kind are
/// cabled alike. Each port is used once; ports without a partner are left out.
std::vector<Link> pair_ports(const std::vector<Port>& mine, const std::vector<Port>& theirs);

}  // namespace wiretax::verbs
