#include "report/explain/line_rates.h"

#include <array>
#include <cmath>

#include "report/units.h"

namespace wiretax {
namespace {

constexpr LineRate line(std::string_view name, LinkKind kind, double low_Gbps, double high_Gbps,
                        std::string_view source) {
  return {name, kind, low_Gbps * kGigabit, high_Gbps * kGigabit, source};
}

constexpr std::array kLineRates = {
    line("1 GbE", LinkKind::kEthernet, .94, .94, "line rate less headers at MTU 1500"),
    line("10 GbE", LinkKind::kEthernet, 9.41, 9.41, "line rate less headers at MTU 1500"),
    line("a degraded ConnectX-7", LinkKind::kDegraded, 12.86, 13.23, "dgx-spark-playbooks PR#108"),
    line("NCCL's sockets on the 200G link", LinkKind::kTcp, 16, 16, "NVIDIA forum 366325"),
    line("25 GbE", LinkKind::kEthernet, 23, 23.5, "line rate less headers at MTU 1500"),
    line("one TCP stream on the 200G link", LinkKind::kTcp, 28.9, 35, "daqiri; a RoCE article"),
    line("RoCE, one half of the card", LinkKind::kRdma, 92.5, 111.7, "dgx-spark-playbooks; eugr"),
    line("RoCE, both halves of the card", LinkKind::kRdma, 161, 190, "tonyd2wild; playbooks"),
};

/// 1 inside the range.
double factor_of(const LineRate& line, double rate) {
  if (rate < line.low_bytes_per_s) return rate / line.low_bytes_per_s;
  return rate > line.high_bytes_per_s ? rate / line.high_bytes_per_s : 1;
}

}  // namespace

std::span<const LineRate> line_rates() { return kLineRates; }

NearestRate nearest_line_rate(double bytes_per_s) {
  NearestRate nearest{&kLineRates.front(), factor_of(kLineRates.front(), bytes_per_s)};
  for (const auto& candidate : kLineRates) {
    const double factor = factor_of(candidate, bytes_per_s);
    if (std::abs(std::log(factor)) < std::abs(std::log(nearest.factor))) {
      nearest = {&candidate, factor};
    }
  }
  return nearest;
}

NearestRate nearest_line_rate(const Band& bytes_per_s) {
  const auto distance = [](const NearestRate& rate) { return std::abs(std::log(rate.factor)); };
  auto nearest = nearest_line_rate(std::isinf(bytes_per_s.mid) ? bytes_per_s.low : bytes_per_s.mid);
  for (const double end : {bytes_per_s.low, bytes_per_s.high}) {
    if (std::isinf(end)) continue;
    const auto candidate = nearest_line_rate(end);
    if (distance(candidate) < distance(nearest)) nearest = candidate;
  }
  return nearest;
}

}  // namespace wiretax
