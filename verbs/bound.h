#pragma once

#include <optional>
#include <span>
#include <string>

#include "verbs/port.h"

namespace wiretax::verbs {

/// What the hardware lets through at most, in one direction, and the element that says so.
struct Bound {
  double bytes_per_s = 0;
  std::string limit;  // "PCIe 0000:01:00 Gen5 x4" or "cage p0"
};

/// Share of a wire's bits that is payload, at a path MTU in bytes: 82 bytes a packet are headers
/// and framing (preamble 8, Ethernet 14, IPv4 20, UDP 8, BTH 12, ICRC 4, FCS 4, gap 12).
double mtu_efficiency(int mtu);

/// Of one host's ports used together: the smaller of all PCIe links and all cages, each counted
/// once, times `efficiency`, the share that is payload. Nothing where a port is made by software or
/// sysfs tells no PCIe link.
std::optional<Bound> bound_of(std::span<const Port> ports, double efficiency);

/// Of a path, whose ends are the two hosts'.
std::optional<Bound> path_bound(std::span<const Port> mine, std::span<const Port> theirs,
                                double efficiency);

}  // namespace wiretax::verbs
