#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "report/curve.h"
#include "report/fabric.h"

namespace wiretax {

/// A link as simulators know one: a step takes latency_s + bytes / bytes_per_s.
struct SimulatedLink {
  double latency_s = 0;
  double bytes_per_s = 0;
};

/// A ring's all_reduce over such a link: 2(N-1) steps of 1/N of the bytes (ASTRA-sim's Ring.cc).
double ring_all_reduce_s(const SimulatedLink& link, std::uint64_t ranks, double bytes);

/// The line through the all_reduce of two measured sizes, and the measured size between them where
/// it is furthest off.
struct LinkFit {
  SimulatedLink link;
  CurvePoint first;
  CurvePoint last;
  std::optional<CurvePoint> worst;  // absent where nothing was measured in between
  double worst_s = 0;               // what the line says there
};

/// One line for all sizes, and where that misses, one for small and one for large sizes: split
/// where the worse of both misses least.
struct LinkFits {
  LinkFit whole;
  std::optional<LinkFit> small;
  std::optional<LinkFit> large;
  std::vector<std::string> warnings;  // holes, sizes at which the curve falls, what was left out
};

/// Of sizes up to 64 MiB, which a prompt's chunk does not exceed. Throws InputError: fewer than two
/// sizes, a curve that falls from end to end, or a line whose latency is below zero.
LinkFits fit_links(const Curve& all_reduce, std::uint64_t ranks);

/// "8 KiB to 32 MiB; worst in between: 31.5 us at 64 KiB, where 66 us were measured (-52 %)".
std::string fit_text(const LinkFit& fit);

/// What the line says of send_recv, which simulators take from the same link; or that nobody
/// measured it.
std::string send_recv_warning(const Curve& send_recv, const SimulatedLink& link);

}  // namespace wiretax
