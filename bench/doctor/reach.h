#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/doctor/evidence.h"
#include "bench/harness/ranks.h"

namespace wiretax::doctor {

/// Interfaces of two machines that one subnet connects; addresses in host byte order.
struct Way {
  int from = 0;  // ranks, the first of each machine
  int to = 0;
  std::string interface;  // at `from`
  std::uint32_t from_address = 0;
  std::uint32_t to_address = 0;

  bool operator==(const Way&) const = default;
};

/// Every way between two machines over cables, in both directions, by what their ranks say of
/// themselves.
std::vector<Way> ways_between(const std::vector<Evidence>& hosts);

/// Collective: opens a TCP connection over every way, as NCCL's bootstrap and wiretax-tcp will, and
/// notes at its host where nothing comes through. RoCE's UDP 4791 is left to wiretax-rdma.
void try_ways(bench::Ranks& ranks, std::vector<Evidence>& hosts);

}  // namespace wiretax::doctor
