#include "report/explain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "report/line_rates.h"
#include "report/strategies.h"
#include "report/units.h"

namespace wiretax {
namespace {

/// More tokens in the cache do not make a step faster: beyond this it is the run.
constexpr double kBeyondNoise = 1.03;

std::string microseconds_range(const Band& band) {
  return fmt::format("{} to {}", format_seconds_roughly(std::max(band.low, 0.0)),
                     format_seconds_roughly(band.high));
}

std::string rate_range(const Band& rate) {
  const auto low = fmt::format("{:.3g}", rate.low / kGigabit);
  const auto high = fmt::format("{:.3g}", rate.high / kGigabit);
  return low == high ? low + " Gb/s" : fmt::format("{} to {} Gb/s", low, high);
}

std::vector<const Reading*> readings_of_the_wire(const Explanation& explanation) {
  std::vector<const Reading*> found;
  for (const auto& reading : explanation.readings) {
    if (reading.tells_of_the_wire() && !reading.at_most) found.push_back(&reading);
  }
  std::ranges::stable_sort(found, {}, [](const Reading* reading) { return reading->wire->bytes; });
  return found;
}

std::vector<CurveMatch> match_curves(const Explanation& explanation,
                                     std::span<const Fabric> fabrics) {
  std::vector<CurveMatch> matches;
  const auto wires = readings_of_the_wire(explanation);
  for (const auto& fabric : fabrics) {
    if (wires.empty() || fabric.ranks != explanation.claim->ranks) continue;
    CurveMatch match{fabric.name, fabric.kind == FabricKind::kPublished, 1e300, 0};
    for (const auto* reading : wires) {
      const double curve_s = fabric.all_reduce.at(real(reading->wire->bytes)).time_s;
      match.least = std::min(match.least, reading->wire->each_s.low / curve_s);
      match.most = std::max(match.most, reading->wire->each_s.high / curve_s);
    }
    matches.push_back(match);
  }
  return matches;
}

std::vector<Prediction> predict(const Explanation& explanation) {
  std::vector<Prediction> predictions;
  const auto wires = readings_of_the_wire(explanation);
  if (wires.size() < 3) return predictions;
  const auto point = [](const Reading* reading) {
    const double time_s = reading->wire->each_s.mid;
    return CurvePoint{reading->wire->bytes, time_s, {time_s, time_s}};
  };
  const auto first = point(wires.front());
  const auto last = point(wires.back());
  const Curve curve({first, last});
  for (const auto* reading : wires) {
    const auto& wire = *reading->wire;
    if (wire.bytes == first.bytes || wire.bytes == last.bytes) continue;
    const double tokens = reading->seen.tokens_per_s * reading->seen_s;
    const auto rate = [&](double each_s) {
      return tokens / (wire.rest_s.mid + real(wire.count) * each_s);
    };
    const auto bytes = real(wire.bytes);
    predictions.push_back({reading->seen.name(), reading->seen.tokens_per_s,
                           rate(curve.at(bytes).time_s),
                           rate(line_through(first, last).at(bytes))});
  }
  return predictions;
}

/// Runs in which a longer context is faster.
void note_disorder(Explanation& explanation) {
  for (const auto& shallow : explanation.readings) {
    for (const auto& deep : explanation.readings) {
      const auto& a = shallow.seen;
      const auto& b = deep.seen;
      const bool alike = a.phase == Phase::kDecode && b.phase == a.phase &&
                         a.concurrency == b.concurrency && a.generated == b.generated;
      if (!alike || a.depth >= b.depth || b.tokens_per_s < a.tokens_per_s * kBeyondNoise) continue;
      explanation.notes.push_back(fmt::format(
          "{} is {:.0f} % faster than {}, though its cache is larger: the runs differ by at least "
          "that much",
          b.name(), 100 * (b.tokens_per_s / a.tokens_per_s - 1), a.name()));
    }
  }
}

void note_memory(const Claim& claim, Explanation& explanation) {
  const Fabric fabric = [&] {
    Fabric any;
    any.ranks = std::max<std::uint64_t>(claim.ranks, 2);
    any.all_reduce = Curve({{1, 1e-20, {1e-20, 1e-20}}});
    return any;
  }();
  const Setting setting{claim.model, claim.machine, fabric,
                        decode_step(claim.model, workload_of(claim, claim.observed.front()))};
  const auto plan = plan_layout(setting, claim.layout);
  if (!plan.fits()) {
    explanation.notes.push_back(fmt::format("by {}'s memory {} cannot run: {}", claim.machine.name,
                                            plan.name, plan.reason));
  }
}

std::string claim_name(const Claim& claim) {
  return fmt::format("{} as {}", claim.model.name, strategy_name(claim.layout, claim.ranks));
}

std::string impossible_sentence(const Claim& claim, const Reading& reading) {
  if (reading.floor_s <= 0) {
    return fmt::format("{}: {} is not possible: {}.", claim_name(claim), reading.seen.name(),
                       reading.cannot);
  }
  return fmt::format(
      "{}: {}={} is not possible with {:.3g} token{} a step: at all of {:.0f} GB/s it is {:.4g} "
      "tokens/s. It needs at least {:.3g} tokens a step (what drafting costs comes on top), or "
      "{:.0f} "
      "GB/s.",
      claim_name(claim), reading.seen.name(), format_figures(reading.seen.tokens_per_s),
      claim.tokens_per_step, claim.tokens_per_step == 1 ? "" : "s",
      claim.machine.memory_bytes_per_s / kGigabyte, reading.ceiling_tokens_per_s(),
      reading.needed_tokens_per_step, reading.needed_bytes_per_s / kGigabyte);
}

/// "which is what 10 GbE carries (9.41 Gb/s)".
std::string rate_sentence(const Reading& reading) {
  const auto rate = reading.wire->link_bytes_per_s();
  const auto nearest = nearest_line_rate(rate.mid);
  return fmt::format("; {} moves at {}, nearest to {} ({:.3g} Gb/s)", reading.seen.name(),
                     rate_range(rate), nearest.line->name,
                     nearest.line->high_bytes_per_s / kGigabit);
}

std::string probably(const Explanation& explanation) {
  const auto* const wide = explanation.widest();
  if (wide == nullptr) return {};
  const auto nearest = nearest_line_rate(wide->wire->link_bytes_per_s().mid);
  switch (nearest.line->kind) {
    case LinkKind::kEthernet:
    case LinkKind::kTcp:
      return " It probably ran over TCP, not RDMA.";
    case LinkKind::kDegraded:
      return " Either TCP, or a card in its degraded state.";
    case LinkKind::kRdma:
      return " It probably ran over RDMA.";
  }
  return {};
}

std::string expectation(const Explanation& explanation) {
  for (const auto& reading : explanation.readings) {
    if (reading.seen.phase != Phase::kDecode || reading.expected.empty()) continue;
    const auto& expected = reading.expected.front();
    return fmt::format(" With {} expect {} to {} tokens/s at {}.", expected.fabric,
                       format_roughly(expected.tokens_per_s.low),
                       format_roughly(expected.tokens_per_s.high), reading.seen.name());
  }
  return {};
}

std::string sentence_of(const Explanation& explanation) {
  const auto& claim = *explanation.claim;
  for (const auto& reading : explanation.readings) {
    if (!reading.possible) return impossible_sentence(claim, reading);
  }
  auto text = claim_name(claim) + ": possible";
  const auto* const narrow = explanation.narrowest();
  if (narrow != nullptr) {
    text += fmt::format("; an all-reduce of {} takes {}{}", format_bytes(narrow->wire->bytes),
                        narrow->at_most ? "at most " : "",
                        narrow->at_most ? format_seconds_roughly(narrow->wire->each_s.high)
                                        : microseconds_range(narrow->wire->each_s));
    if (!explanation.matches.empty()) {
      const auto& match = explanation.matches.front();
      text += fmt::format(", {} to {} times {}'s over all sizes", format_roughly(match.least),
                          format_roughly(match.most), match.fabric);
    }
  }
  if (const auto* const wide = explanation.widest()) text += rate_sentence(*wide);
  return text + "." + probably(explanation) + expectation(explanation);
}

std::string next_of(const Explanation& explanation) {
  const auto& claim = *explanation.claim;
  if (claim.ranks > 1 && explanation.possible()) {
    return "on the engine: NCCL_DEBUG=INFO ... 2>&1 | tee nccl.log, then wiretax-report transport "
           "nccl.log; between the machines: ./scripts/run --hosts A,B";
  }
  if (!explanation.possible()) {
    return fmt::format(
        "wiretax-report explain ... --tokens-per-step {:.2f}, if the engine drafts "
        "tokens and its log shows as many",
        std::max(1.0, explanation.readings.front().needed_tokens_per_step));
  }
  return fmt::format(
      "wiretax-report calibrate --model {} --from '...' -o machine.json, then decide "
      "--machine machine.json",
      claim.model.name);
}

}  // namespace

const Reading* Explanation::narrowest() const {
  const Reading* found = nullptr;
  for (const auto& reading : readings) {
    if (!reading.tells_of_the_wire()) continue;
    if (found == nullptr || reading.wire->bytes < found->wire->bytes) found = &reading;
  }
  return found;
}

const Reading* Explanation::widest() const {
  const Reading* found = nullptr;
  for (const auto& reading : readings) {
    if (!reading.tells_of_the_wire() || reading.at_most || reading.wire->bytes < kRateBytes)
      continue;
    if (found == nullptr || reading.wire->bytes > found->wire->bytes) found = &reading;
  }
  return found;
}

bool Explanation::possible() const { return std::ranges::all_of(readings, &Reading::possible); }

Explanation explain(const Claim& claim, std::span<const Fabric> fabrics) {
  Explanation explanation;
  explanation.claim = &claim;
  if (!claim.beats.empty()) {
    explanation.readings.push_back(
        read_order(claim, parse_layout(claim.beats), claim.observed.front()));
  } else {
    for (const auto& seen : claim.observed) {
      explanation.readings.push_back(read_observation(claim, seen, fabrics));
    }
  }
  explanation.matches = match_curves(explanation, fabrics);
  explanation.predictions = predict(explanation);
  note_disorder(explanation);
  note_memory(claim, explanation);
  explanation.sentence = sentence_of(explanation);
  explanation.next = next_of(explanation);
  if (claim.layout.strategy == Strategy::kTensorParallel && explanation.possible() &&
      claim.beats.empty()) {
    explanation.hypotheses = weigh_hypotheses(explanation);
  }
  return explanation;
}

std::vector<std::string> conflicts(std::span<const Explanation> explanations) {
  std::vector<std::pair<const Explanation*, const Reading*>> wires;
  std::vector<std::string> found;
  for (const auto& explanation : explanations) {
    if (!explanation.claim->same_fabric) wires.clear();
    for (const auto& reading : explanation.readings) {
      if (!reading.wire || !reading.possible || reading.wire->each_s.high <= 0) continue;
      for (const auto& [other, earlier] : wires) {
        const auto* small = earlier;
        const auto* large = &reading;
        if (small->wire->bytes > large->wire->bytes) std::swap(small, large);
        const bool both = small->wire->bytes < large->wire->bytes && !small->at_most;
        if (!both || small->wire->each_s.low <= large->wire->each_s.high) continue;
        found.push_back(fmt::format(
            "one fabric cannot take at least {} for {} and at most {} for {}: the slower one lost "
            "its time elsewhere, or in another run of the fabric",
            format_seconds_roughly(small->wire->each_s.low), format_bytes(small->wire->bytes),
            format_seconds_roughly(large->wire->each_s.high), format_bytes(large->wire->bytes)));
      }
      wires.emplace_back(&explanation, &reading);
    }
  }
  return found;
}

}  // namespace wiretax
