#include "report/pricing.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/units.h"

namespace wiretax {
namespace {

/// Where no send_recv was measured: the sampled tokens' way back to the first stage.
constexpr double kUnmeasuredReturnSeconds = 20 * kMicrosecond;

}  // namespace

Band operator*(const Band& band, double factor) {
  return {band.low * factor, band.mid * factor, band.high * factor};
}

Band operator+(const Band& a, const Band& b) {
  return {a.low + b.low, a.mid + b.mid, a.high + b.high};
}

std::string unmeasured_note(std::string_view curve, const CurveTime& time) {
  const auto lower = format_bytes(time.lower.bytes);
  const auto upper = format_bytes(time.upper.bytes);
  switch (time.range) {
    case CurveRange::kMeasured:
      break;
    case CurveRange::kBelowSmallest:
      return fmt::format("{} below {} was not measured: the time of {} is taken", curve, lower,
                         lower);
    case CurveRange::kAboveLargest:
      return fmt::format("{} beyond {} was not measured: its time grows in proportion to the bytes",
                         curve, upper);
    case CurveRange::kHole:
      return fmt::format("{} between {} and {} was not measured: interpolated, with a wide range",
                         curve, lower, upper);
  }
  return {};
}

Band PricedMessage::all_s() const { return each_s * real(message.count); }

Band total_seconds(const std::vector<PricedMessage>& messages) {
  Band total;
  for (const auto& message : messages) total = total + message.all_s();
  return total;
}

Fabric silent_fabric(std::uint64_t ranks) {
  constexpr double kNothingS = 1e-20;  // a curve has no 0
  Fabric fabric;
  fabric.name = "none";
  fabric.ranks = std::max<std::uint64_t>(ranks, 2);
  fabric.all_reduce = Curve({{1, kNothingS, {kNothingS, kNothingS}}});
  return fabric;
}

PricedMessage Pricer::price(const Message& message, std::uint64_t ranks) {
  PricedMessage priced{.message = message, .ranks = ranks, .each_s = {}};
  priced.each_s = seconds(basis(priced));
  return priced;
}

std::vector<PricedMessage> Pricer::price(const std::vector<Message>& messages,
                                         std::uint64_t ranks) {
  std::vector<PricedMessage> priced;
  priced.reserve(messages.size());
  for (const auto& message : messages) priced.push_back(price(message, ranks));
  return priced;
}

std::vector<PricedMessage> Pricer::price_hops(const std::vector<Message>& messages) {
  if (messages.empty() || find(&Curves::send_recv, 2).curve != nullptr) {
    return price(messages, fabric_.ranks);
  }
  note(
      "send_recv was not measured: a hop is taken as one step of a ring all_reduce, the sampled "
      "tokens' way back as 20 us");
  PricedMessage hop{
      .message = messages.front(), .ranks = 2, .hop = HopRule::kRingStep, .each_s = {}};
  hop.message.count /= 2;
  hop.message.bytes *= 2;
  PricedMessage way_back{
      .message = messages.back(), .ranks = 2, .hop = HopRule::kReturn, .each_s = {}};
  hop.each_s = seconds(basis(hop));
  way_back.each_s = seconds(basis(way_back));
  return {hop, way_back};
}

PriceBasis Pricer::basis(const PricedMessage& priced) {
  const auto& operation = priced.message.operation;
  const auto bytes = real(priced.message.bytes);
  if (operation == "all_reduce") return all_reduce(bytes, priced.ranks, 1, {});
  if (operation == "all_gather") {
    return half_ring("all_gather", &Curves::all_gather, bytes, priced.ranks);
  }
  if (operation == "reduce_scatter") {
    return half_ring("reduce_scatter", &Curves::reduce_scatter, bytes, priced.ranks);
  }
  if (operation == "all_to_all") return all_to_all(bytes, priced.ranks);
  return send_recv(bytes, priced.hop);
}

void Pricer::note(std::string text) {
  if (std::ranges::count(notes_, text) == 0) notes_.push_back(std::move(text));
}

/// The curve of that many ranks. A send_recv has two ends, whoever else is there.
Pricer::Source Pricer::find(Curve Curves::*curve, std::uint64_t ranks) const {
  const auto usable = [&](const Curves& curves) { return !(curves.*curve).empty(); };
  if (ranks == fabric_.ranks && usable(fabric_)) return {&(fabric_.*curve), ranks};
  const auto fewer = fabric_.fewer.find(ranks);
  if (fewer != fabric_.fewer.end() && usable(fewer->second)) {
    return {&(fewer->second.*curve), ranks};
  }
  if (curve != &Curves::send_recv) return {nullptr, ranks};
  if (usable(fabric_)) return {&fabric_.send_recv, fabric_.ranks};
  for (const auto& [of, curves] : fabric_.fewer) {
    if (usable(curves)) return {&curves.send_recv, of};
  }
  return {nullptr, ranks};
}

PriceBasis Pricer::read(const char* operation, const Source& source, double bytes, double factor,
                        std::string rule) {
  auto curve = source.ranks == fabric_.ranks
                   ? std::string(operation)
                   : fmt::format("{} of {} ranks", operation, source.ranks);
  auto time = source.curve->at(bytes);
  if (auto text = unmeasured_note(curve, time); !text.empty()) note(std::move(text));
  return {std::move(curve), bytes, time, factor, std::move(rule)};
}

/// A smaller group has fewer steps, so that the time of all ranks bounds it from above.
PriceBasis Pricer::all_reduce(double bytes, std::uint64_t ranks, double factor, std::string rule) {
  const auto source = find(&Curves::all_reduce, ranks);
  if (source.curve != nullptr) {
    return read("all_reduce", source, bytes, factor, std::move(rule));
  }
  note(fmt::format("all_reduce of {} ranks was not measured: taken as that of {}, an upper bound",
                   ranks, fabric_.ranks));
  return read("all_reduce", {&fabric_.all_reduce, fabric_.ranks}, bytes, factor, std::move(rule));
}

/// Without a curve of its own: a ring all_reduce of S bytes is a reduce_scatter of S and an
/// all_gather of S, with as many steps each.
PriceBasis Pricer::half_ring(const char* operation, Curve Curves::*curve, double bytes,
                             std::uint64_t ranks) {
  const auto source = find(curve, ranks);
  if (source.curve != nullptr) return read(operation, source, bytes, 1, {});
  note(fmt::format("{} was not measured: taken as half an all_reduce of the same size", operation));
  return all_reduce(bytes, ranks, 0.5, "half an all_reduce");
}

/// Without a curve of its own: an all_gather of S bytes puts as many on every link, (N-1)/N of S,
/// in no fewer steps.
PriceBasis Pricer::all_to_all(double bytes, std::uint64_t ranks) {
  const auto source = find(&Curves::all_to_all, ranks);
  if (source.curve != nullptr) return read("all_to_all", source, bytes, 1, {});
  note(
      "all_to_all was not measured: taken as an all_gather of the same size, which puts as many "
      "bytes on each link");
  auto basis = half_ring("all_gather", &Curves::all_gather, bytes, ranks);
  basis.rule += basis.rule.empty() ? "an all_gather" : ", for an all_gather";
  return basis;
}

/// Without a curve: a ring all-reduce of S bytes is 2(N-1) steps of S/N each, so one step of x
/// bytes is all_reduce(N x) / (2(N-1)).
PriceBasis Pricer::send_recv(double bytes, HopRule hop) {
  const auto source = find(&Curves::send_recv, 2);
  if (hop == HopRule::kNone && source.curve != nullptr) {
    return read("send_recv", source, bytes, 1, {});
  }
  if (hop == HopRule::kReturn) {
    PriceBasis constant;
    constant.rule = "not measured, a constant";
    constant.time.time_s = kUnmeasuredReturnSeconds;
    return constant;
  }
  const double n = real(fabric_.ranks);
  return all_reduce(n * bytes, fabric_.ranks, 1 / (2 * (n - 1)), "one step of a ring all_reduce");
}

Band Pricer::seconds(const PriceBasis& basis) const {
  if (basis.curve.empty()) {
    return {basis.time.time_s, basis.time.time_s, basis.time.time_s};
  }
  return band_of(fabric_, basis.time) * basis.factor;
}

}  // namespace wiretax
