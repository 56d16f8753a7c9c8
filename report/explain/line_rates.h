#pragma once

// What links of known kinds carry, as people measured it. notes/spark-networking.

#include <span>
#include <string_view>

#include "report/machine.h"

namespace wiretax {

enum class LinkKind { kEthernet, kTcp, kDegraded, kRdma };

struct LineRate {
  std::string_view name;
  LinkKind kind;
  double low_bytes_per_s;   // as published, from
  double high_bytes_per_s;  // to
  std::string_view source;
};

std::span<const LineRate> line_rates();

/// The one that is nearest to a rate, by ratio. Rates inside a range are at distance 1.
struct NearestRate {
  const LineRate* line;
  double factor;  // the rate is that many times the nearer end: below 1 is slower
};
NearestRate nearest_line_rate(double bytes_per_s);
/// To any of a range, whose high end may be infinite; the middle's where several are.
NearestRate nearest_line_rate(const Band& bytes_per_s);

}  // namespace wiretax
