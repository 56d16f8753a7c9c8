#pragma once

// From a time that was seen back to the wire: what reading, computing and the fixed cost leave of
// it, shared out among the all-reduces. cost-model, section 4.

#include <cstdint>

#include "report/curve.h"
#include "report/machine.h"

namespace wiretax {

/// The all-reduces of one step or prompt, as a time that was seen implies them. What else was sent
/// (the logits) is counted with them, so they are upper bounds.
struct ImpliedWire {
  std::uint64_t bytes = 0;  // of one
  std::uint64_t count = 0;
  std::uint64_t ranks = 2;
  double seen_s = 0;
  Band rest_s;  // everything but the wire, over the assumptions
  Band each_s;  // of one; below 0 where the rest alone takes longer

  /// Bytes/s that a link carries each way, as a ring has it: nccl-tests' bus bandwidth. The low end
  /// belongs to the long time. Infinite where nothing may be left.
  [[nodiscard]] Band link_bytes_per_s() const;
};

ImpliedWire imply_wire(double seen_s, const Band& rest_s, std::uint64_t bytes, std::uint64_t count,
                       std::uint64_t ranks);

/// What two machines have of one that was seen: the fixed cost in full, and their share of the
/// rest. `seen_s` must be longer than fixed_s.high.
Band shared_rest(double seen_s, const Band& fixed_s, std::uint64_t ranks);

/// A link's bytes/s while an all-reduce of `bytes` takes `seconds`.
double bus_bytes_per_s(double bytes, double seconds, std::uint64_t ranks);

/// seconds = alpha + bytes x beta through two points: what the size curve of a collective is not.
struct Line {
  double alpha_s = 0;
  double beta_s_per_byte = 0;

  [[nodiscard]] double at(double bytes) const { return alpha_s + bytes * beta_s_per_byte; }
};
Line line_through(const CurvePoint& a, const CurvePoint& b);

/// 2(N-1) steps of S/N bytes, each with the link's latency: what ring simulators charge.
double ring_all_reduce_s(double bytes, std::uint64_t ranks, double latency_s, double bytes_per_s);

}  // namespace wiretax
