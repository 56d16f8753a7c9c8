#include "report/explain/implied.h"

#include <limits>

#include "report/units.h"

namespace wiretax {

Band ImpliedWire::link_bytes_per_s() const {
  const auto rate = [&](double seconds) {
    return seconds > 0 ? bus_bytes_per_s(real(bytes), seconds, ranks)
                       : std::numeric_limits<double>::infinity();
  };
  return {rate(each_s.high), rate(each_s.mid), rate(each_s.low)};
}

ImpliedWire imply_wire(double seen_s, const Band& rest_s, std::uint64_t bytes, std::uint64_t count,
                       std::uint64_t ranks) {
  const auto each = [&](double rest) { return (seen_s - rest) / real(count); };
  return {.bytes = bytes,
          .count = count,
          .ranks = ranks,
          .seen_s = seen_s,
          .rest_s = rest_s,
          .each_s = {each(rest_s.high), each(rest_s.mid), each(rest_s.low)}};
}

Band shared_rest(double seen_s, const Band& fixed_s, std::uint64_t ranks) {
  const auto rest = [&](double fixed) { return fixed + (seen_s - fixed) / real(ranks); };
  return {rest(fixed_s.low), rest(fixed_s.mid), rest(fixed_s.high)};
}

double bus_bytes_per_s(double bytes, double seconds, std::uint64_t ranks) {
  return bytes / seconds * 2 * (real(ranks) - 1) / real(ranks);
}

Line line_through(const CurvePoint& a, const CurvePoint& b) {
  const double beta = (b.time_s - a.time_s) / (real(b.bytes) - real(a.bytes));
  return {a.time_s - beta * real(a.bytes), beta};
}

double ring_all_reduce_s(double bytes, std::uint64_t ranks, double latency_s, double bytes_per_s) {
  const double steps = 2 * (real(ranks) - 1);
  return steps * (latency_s + bytes / real(ranks) / bytes_per_s);
}

}  // namespace wiretax
