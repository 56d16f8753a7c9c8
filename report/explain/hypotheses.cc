// What could be behind slow all-reduces, and what would tell.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

#include "report/explain/explain.h"
#include "report/explain/line_rates.h"
#include "report/units.h"

namespace wiretax {
namespace {

/// RDMA's all-reduces of a few KiB are below this even on the slower builds, sockets' are above it.
constexpr double kSocketLikeS = 200 * kMicrosecond;
/// One TCP stream carries no more than this, however fast the link.
constexpr double kMostOfSockets = 40 * kGigabit;
/// Beyond the published curve and its slack, a little.
constexpr double kALittle = 4. / 3;
/// A cost of each launch is the same for every size.
constexpr double kGrowsWithSize = 1.5;
constexpr std::uint64_t kSmall = 64 * kKibibyte;

/// What the readings say, in numbers.
struct Evidence {
  const Reading* small = nullptr;  // the smallest message
  const Reading* wide = nullptr;   // one that tells of the rate
  std::optional<double> growth;    // of the time between the smallest and the largest decode
  const CurveMatch* published = nullptr;
  const CurveMatch* tcp = nullptr;  // the nearest curve that was measured over TCP
  bool is_moe = false;
  std::uint64_t most_concurrency = 0;
};

Evidence evidence_of(const Explanation& explanation) {
  Evidence evidence;
  evidence.small = explanation.narrowest();
  evidence.wide = explanation.widest();
  evidence.is_moe = explanation.claim->model.is_moe();
  const Reading* largest = nullptr;
  for (const auto& reading : explanation.readings) {
    if (!reading.tells_of_the_wire() || reading.seen.phase != Phase::kDecode) continue;
    evidence.most_concurrency = std::max(evidence.most_concurrency, reading.seen.concurrency);
    if (largest == nullptr || reading.wire->bytes > largest->wire->bytes) largest = &reading;
  }
  const bool both = largest != nullptr && largest != evidence.small &&
                    evidence.small->bounds_the_wire() && largest->bounds_the_wire();
  if (both) {
    evidence.growth = largest->wire->each_s.mid / evidence.small->wire->each_s.mid;
  }
  for (const auto& match : explanation.matches) {
    if (match.published && evidence.published == nullptr) evidence.published = &match;
    if (match.path == FabricPath::kTcp && evidence.tcp == nullptr) evidence.tcp = &match;
  }
  return evidence;
}

Band link_rate(const Evidence& evidence) { return evidence.wide->wire->link_bytes_per_s(); }

/// Large messages move no faster than sockets can, whatever the assumptions.
bool slow_as_sockets(const Evidence& evidence) {
  return evidence.wide != nullptr && link_rate(evidence).high <= kMostOfSockets;
}

std::string in_gigabits(const Band& rate) {
  if (std::isinf(rate.high)) return fmt::format("at least {:.3g} Gb/s", rate.low / kGigabit);
  const auto low = fmt::format("{:.3g}", rate.low / kGigabit);
  const auto high = fmt::format("{:.3g}", rate.high / kGigabit);
  return format_range(low, high) + " Gb/s";
}

std::string match_times(const CurveMatch& match) {
  return fmt::format("{} times {}'s",
                     format_range(format_roughly(match.least), format_roughly(match.most)),
                     match.fabric);
}

Hypothesis healthy(const Evidence& evidence) {
  Hypothesis h{"healthy", "RDMA as published", Fit::kUntold, {}, {}, {}};
  h.confirm = "wiretax-collectives between the machines gives the published times";
  h.refute = "NET/Socket in NCCL's log";
  if (evidence.published == nullptr) return h;
  const auto& match = *evidence.published;
  h.fit = match.slowest <= kALittle ? Fit::kConsistent
          : match.fastest <= 1      ? Fit::kPartly
                                    : Fit::kRefuted;
  h.because = "the all-reduces take " + match_times(match);
  return h;
}

/// Of the latency of small messages alone.
Fit sockets_by_latency(const Reading& small) {
  const auto& each = small.wire->each_s;
  if (each.low > kSocketLikeS) return Fit::kConsistent;
  return each.high < kSocketLikeS ? Fit::kRefuted : Fit::kUntold;
}

Fit sockets_by_rate(const Band& rate) {
  if (rate.high <= kMostOfSockets) return Fit::kConsistent;
  return rate.low > kMostOfSockets ? Fit::kRefuted : Fit::kUntold;
}

/// A rate counts more than a latency, but a latency that only RDMA has stays in the way.
Hypothesis sockets(const Evidence& evidence) {
  Hypothesis h{"H1", "NCCL over TCP, or on the management port", Fit::kUntold, {}, {}, {}};
  h.confirm = "NET/Socket, and the interface's name, in NCCL's log (NCCL_DEBUG=INFO)";
  h.refute = "NET/IB with both halves of the card in it";
  if (evidence.wide != nullptr) {
    h.fit = sockets_by_rate(link_rate(evidence));
    h.because = fmt::format("large messages move at {}; one TCP stream carries up to 35",
                            in_gigabits(link_rate(evidence)));
    if (evidence.small->wire->bytes <= kSmall) {
      const auto small = sockets_by_latency(*evidence.small);
      if (h.fit == Fit::kUntold) h.fit = small;
      if (h.fit == Fit::kConsistent && small == Fit::kRefuted) h.fit = Fit::kPartly;
    }
  } else if (evidence.small != nullptr) {
    h.fit = sockets_by_latency(*evidence.small);
    h.because = "only latency is known; a prompt's rate (ppN) would tell more";
  }
  if (evidence.tcp != nullptr && evidence.tcp->fits()) {
    h.fit = Fit::kConsistent;
    h.because = fmt::format("the all-reduces take {}, which was measured over TCP",
                            match_times(*evidence.tcp));
  }
  return h;
}

Hypothesis eager(const Evidence& evidence) {
  Hypothesis h{"H2", "RDMA, but CUDA graphs are off", Fit::kUntold, {}, {}, {}};
  h.confirm = "--enforce-eager or --disable-cuda-graph in the command; faster without it";
  h.refute = "the log says that graphs were captured";
  if (evidence.small == nullptr) return h;
  h.fit = Fit::kConsistent;
  h.because = "launching costs tens of ms a step, the same for every size";
  if (evidence.growth && *evidence.growth > kGrowsWithSize) {
    h.fit = Fit::kPartly;
    h.because += fmt::format("; but the time grows {:.1f} times with the batch", *evidence.growth);
  }
  if (slow_as_sockets(evidence)) {
    h.fit = Fit::kPartly;
    h.because +=
        fmt::format("; and it does not explain prompts at {}", in_gigabits(link_rate(evidence)));
  }
  return h;
}

Hypothesis collapse(const Evidence& evidence) {
  Hypothesis h{"H3", "NCCL's curve collapses between 100 KB and some MB", Fit::kUntold, {}, {}, {}};
  h.confirm =
      "wiretax-collectives shows the cliff, and fewer channels (NCCL_MAX_NCHANNELS) cure it";
  h.refute = "its curve is smooth";
  if (evidence.small == nullptr) return h;
  const auto& wire = *evidence.small->wire;
  const bool small_is_slow = wire.bytes <= kSmall && wire.each_s.low > kSocketLikeS;
  const bool has_small = wire.bytes <= kSmall;
  h.fit = small_is_slow ? Fit::kPartly : has_small ? Fit::kUntold : Fit::kConsistent;
  h.because = small_is_slow
                  ? fmt::format("{} is slow too, and a collapse leaves small messages alone",
                                format_bytes(wire.bytes))
                  : "no small message tells against it";
  return h;
}

Hypothesis engine(const Evidence& evidence) {
  Hypothesis h{"H4", "the engine: narrow MoE shards, a kernel, the scheduler", Fit::kUntold, {}, {},
               {}};
  h.confirm = "the same loss with a fast fabric, or a profile of one step";
  h.refute = "wiretax-token, which sends the same messages without an engine, takes as long";
  if (slow_as_sockets(evidence)) {
    h.fit = Fit::kPartly;
    h.because = "prompts are slow as well, which takes a slow wire";
  } else if (evidence.is_moe && evidence.most_concurrency > 1) {
    h.fit = Fit::kConsistent;
    h.because = "many experts are read at this batch, and each shard is narrow";
  }
  return h;
}

Hypothesis degraded(const Evidence& evidence) {
  Hypothesis h{"H5",         "one half of the card, a degraded card, or ranks on slow cores",
               Fit::kUntold, {},
               {},           {}};
  h.confirm = "wiretax-rdma below 25 Gb/s; wiretax-doctor names the fault";
  h.refute = "wiretax-links carries 180 Gb/s over both halves";
  if (evidence.wide == nullptr) return h;
  constexpr double kLeast = 8 * kGigabit;
  constexpr double kMost = 112 * kGigabit;
  const auto rate = link_rate(evidence);
  const bool inside = rate.low >= kLeast && rate.high <= kMost;
  const bool outside = rate.high < kLeast || rate.low > kMost;
  h.fit = inside ? Fit::kConsistent : outside ? Fit::kRefuted : Fit::kUntold;
  h.because =
      fmt::format("{}; a degraded card gives 8 to 25 Gb/s, one half 92 to 112", in_gigabits(rate));
  return h;
}

}  // namespace

std::string_view fit_name(Fit fit) {
  switch (fit) {
    case Fit::kConsistent:
      return "consistent";
    case Fit::kPartly:
      return "not alone";
    case Fit::kRefuted:
      return "no";
    case Fit::kUntold:
      return "not told";
  }
  return {};
}

std::vector<Hypothesis> weigh_hypotheses(const Explanation& explanation) {
  const auto evidence = evidence_of(explanation);
  std::vector<Hypothesis> all = {healthy(evidence),  sockets(evidence), eager(evidence),
                                 collapse(evidence), engine(evidence),  degraded(evidence)};
  if (all.front().fit != Fit::kConsistent) return all;
  // A loss is explained by nothing where there need not be one.
  for (auto& h : std::span(all).subspan(2)) {
    if (h.fit == Fit::kRefuted) continue;
    h.fit = Fit::kUntold;
    h.because = "nothing need be lost";
  }
  return all;
}

}  // namespace wiretax
