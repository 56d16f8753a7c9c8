// What one observation says.

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "report/explain/explain.h"
#include "report/prefill.h"
#include "report/strategies.h"
#include "report/units.h"

namespace wiretax {
namespace {

/// Two machines share a prompt's work no better than evenly, and at the worst as 0.6 to 0.4.
constexpr double kUnevenPrompt = 1.2;
constexpr std::uint64_t kPromptChunk = Prompts{}.chunk;

Plan plan_of(const Claim& claim, const Observation& seen, const Fabric& fabric) {
  const Setting setting{claim.model, claim.machine, fabric,
                        decode_step(claim.model, workload_of(claim, seen))};
  auto plan = plan_layout(setting, claim.layout);
  const bool split = claim.layout.strategy == Strategy::kTensorParallel ||
                     claim.layout.strategy == Strategy::kTensorPipeline;
  const auto reason = split ? heads_reason(claim.model, claim.layout.group) : std::string{};
  if (plan.paths.empty() || !reason.empty()) {
    throw std::invalid_argument(fmt::format("{} as {}: {}", claim.model.name, plan.name,
                                            reason.empty() ? plan.reason : reason));
  }
  return plan;
}

double without_wire(const Parts& parts) { return parts.total() - parts.wire_s; }

double floor_of(const Claim& claim, const Plan& plan) {
  Assumptions best;
  best.efficiency = 1;
  best.fixed_s = 0;
  best.gamma = claim.gamma.low;
  const auto parts = plan.parts(claim.model, claim.machine, best);
  return parts.weights_s + parts.kv_s;  // computing speed is not sure enough to call it impossible
}

const Observation* baseline_of(const Claim& claim, const Observation& seen) {
  const auto found =
      std::ranges::find_if(claim.baseline, [&](const auto& base) { return same_test(base, seen); });
  return found == claim.baseline.end() ? nullptr : &*found;
}

Band rest_of_step(const Claim& claim, const Plan& plan) {
  const auto corners = corners_of(claim.machine, claim.gamma);
  const auto rest = [&](const Assumptions& at) {
    return without_wire(plan.parts(claim.model, claim.machine, at));
  };
  return {rest(corners.fastest), rest(corners.middle), rest(corners.slowest)};
}

/// One machine's step at the same test says what memory yields, if one machine can do that.
void take_baseline(const Claim& claim, Reading& reading, Band& rest) {
  const auto* const base = baseline_of(claim, reading.seen);
  if (base == nullptr) return;
  const double alone_s = real(base->concurrency) / base->tokens_per_s;
  Claim single = claim;
  single.layout = {Strategy::kSingle, 1};
  single.ranks = 1;
  single.drafts = 0;
  single.tokens_per_step = 1;
  const auto plan = plan_of(single, *base, silent_fabric(2));
  const double floor_s = floor_of(single, plan);
  if (alone_s - claim.machine.fixed_s.high < floor_s) {
    reading.cannot = fmt::format(
        "the baseline {}={} is above what one machine can do with one token a step ({:.3g}): not "
        "used",
        base->name(), format_figures(base->tokens_per_s), real(base->concurrency) / floor_s);
    return;
  }
  rest = shared_rest(alone_s, claim.machine.fixed_s, claim.ranks);
  reading.rest_from = "the baseline, shared evenly, over the fixed cost";
}

void read_decode_wire(const Claim& claim, const Plan& plan, Reading& reading) {
  auto rest = rest_of_step(claim, plan);
  reading.rest_from = "efficiency and fixed cost";
  if (claim.model.is_moe()) reading.rest_from += ", gamma";
  take_baseline(claim, reading, rest);
  std::uint64_t count = 0;
  const auto& messages = plan.paths.front().messages;
  for (const auto& priced : messages) {
    if (priced.message.operation == "all_reduce") count += priced.message.count;
  }
  reading.wire =
      imply_wire(reading.seen_s, rest, messages.front().message.bytes, count, claim.ranks);
}

/// The prompts' all-reduces, in equal chunks.
void imply_prompt(const Claim& claim, const Band& rest, Reading& reading) {
  const auto tokens = reading.seen.prompt * reading.seen.concurrency;
  const auto chunks = (tokens + kPromptChunk - 1) / kPromptChunk;
  const auto messages = tensor_parallel_messages(claim.model, claim.ranks,
                                                 StepTokens{(tokens + chunks - 1) / chunks, 1});
  const auto count = chunks * (messages[0].count + messages[1].count);
  reading.wire = imply_wire(reading.seen_s, rest, messages[0].bytes, count, claim.ranks);
}

void bound_prompt(const Claim& claim, Reading& reading) {
  imply_prompt(claim, {}, reading);
  const auto& wire = *reading.wire;
  reading.cannot = fmt::format(
      "how much of it is computing is not known: give --baseline {}=... of one machine, or a "
      "calibrated --machine. Were all of it the wire, an all-reduce took {}, at least {:.3g} Gb/s",
      reading.seen.name(), format_seconds_roughly(wire.each_s.mid),
      wire.link_bytes_per_s().mid / kGigabit);
  reading.wire.reset();
}

void read_prompt_wire(const Claim& claim, Reading& reading) {
  const double even = 1 / real(claim.ranks);
  if (const auto* const base = baseline_of(claim, reading.seen)) {
    const double alone_s = real(base->prompt * base->concurrency) / base->tokens_per_s;
    imply_prompt(claim, Band{even, even, std::min(1.0, even * kUnevenPrompt)} * alone_s, reading);
    reading.rest_from = fmt::format("the baseline's time x {:.2f} to {:.2f}", even,
                                    std::min(1.0, even * kUnevenPrompt));
    if (reading.wire->each_s.high >= 0) return;
    reading.possible = false;
    reading.cannot = fmt::format("{} machines are more than {} times as fast as the baseline",
                                 claim.ranks, claim.ranks);
  } else if (claim.machine.prefill_flops_per_s) {
    const auto fabric = silent_fabric(claim.ranks);
    const PrefillPlan plan(claim.model, claim.machine, fabric, claim.layout, claim.ranks,
                           {reading.seen.concurrency, reading.seen.prompt, kPromptChunk});
    const auto corners = corners_of(claim.machine, claim.gamma);
    imply_prompt(
        claim,
        {without_wire(plan.parts(corners.fastest)), without_wire(plan.parts(corners.middle)),
         without_wire(plan.parts(corners.slowest))},
        reading);
    reading.rest_from = "the machine's prefill rate";
  } else {
    bound_prompt(claim, reading);
  }
}

/// With every fabric that decides.
void expect(const Claim& claim, std::span<const Fabric> fabrics, Reading& reading) {
  for (const auto& fabric : fabrics) {
    if (!fabric.decides() || fabric.ranks != claim.ranks) continue;
    Band step_s;
    if (reading.seen.phase == Phase::kDecode) {
      const auto plan = plan_of(claim, reading.seen, fabric);
      const auto corners = corners_of(claim.machine, claim.gamma);
      const auto total = [&](const Assumptions& at) {
        return plan.parts(claim.model, claim.machine, at).total();
      };
      step_s = {total(corners.fastest), total(corners.middle), total(corners.slowest)};
      for (const auto& note : plan.notes) {
        reading.notes.push_back(fmt::format("{}: {}", fabric.name, note));
      }
    } else if (reading.wire) {
      const auto each = band_of(fabric, fabric.all_reduce.at(real(reading.wire->bytes)));
      step_s = reading.wire->rest_s + each * real(reading.wire->count);
    } else {
      continue;
    }
    const double tokens = reading.seen.tokens_per_s * reading.seen_s;
    reading.expected.push_back({fabric.name,
                                fabric.kind == FabricKind::kPublished,
                                {tokens / step_s.high, tokens / step_s.mid, tokens / step_s.low}});
  }
}

double floor_at(const Claim& claim, Observation seen, std::uint64_t context) {
  seen.context = context;
  return floor_of(claim, plan_of(claim, seen, silent_fabric(claim.ranks)));
}

/// The most context at which the test is possible. It is at `least`, and not at claim.context.
std::uint64_t most_context(const Claim& claim, const Reading& reading, std::uint64_t least) {
  auto most = claim.context;
  while (most - least > 1) {
    const auto middle = least + (most - least) / 2;
    const bool possible = floor_at(claim, reading.seen, middle) <= reading.seen_s;
    (possible ? least : most) = middle;
  }
  return least;
}

/// A context that is only assumed makes nothing impossible: then the least that the test implies
/// counts, half of what it generates.
void settle_context(const Claim& claim, Reading& reading) {
  auto& seen = reading.seen;
  if (seen.context || floor_at(claim, seen, claim.context) <= reading.seen_s) return;
  const auto least = std::max<std::uint64_t>(seen.generated / 2, 1);
  if (least >= claim.context) return;
  if (floor_at(claim, seen, least) <= reading.seen_s) {
    reading.notes.push_back(fmt::format(
        "{} is possible only with at most {} tokens of context; read with {}, not with {}",
        seen.name(), most_context(claim, reading, least), least, claim.context));
  }
  seen.context = least;
}

/// Every draft makes a step longer and may be worth a token: the fewest that are enough.
std::optional<Drafting> least_drafting(Claim claim, const Observation& seen) {
  constexpr std::uint64_t kMostOffered = 64;
  for (claim.drafts = std::max<std::uint64_t>(claim.drafts, 1); claim.drafts <= kMostOffered;
       ++claim.drafts) {
    const double step_s = floor_of(claim, plan_of(claim, seen, silent_fabric(claim.ranks)));
    const double needed = step_s * seen.tokens_per_s / real(seen.concurrency);
    if (needed <= real(claim.drafts + 1)) return Drafting{needed, claim.drafts};
  }
  return std::nullopt;
}

void read_decode(const Claim& claim, Reading& reading) {
  settle_context(claim, reading);
  const auto fabric = silent_fabric(claim.ranks);
  const auto plan = plan_of(claim, reading.seen, fabric);
  reading.floor_s = floor_of(claim, plan);
  reading.possible = reading.seen_s >= reading.floor_s;
  const double short_by = reading.floor_s / reading.seen_s;
  if (!reading.possible) {
    reading.needed_tokens_per_step = claim.tokens_per_step * short_by;
    reading.needed_bytes_per_s = claim.machine.memory_bytes_per_s * short_by;
    reading.drafting = least_drafting(claim, reading.seen);
  }
  if (claim.layout.strategy == Strategy::kTensorParallel) {
    read_decode_wire(claim, plan, reading);
  } else if (claim.layout.strategy == Strategy::kTensorPipeline) {
    reading.cannot =
        "all-reduces and hops share what is left of its time: the wire is told apart for tensor "
        "parallelism alone (tp2, tp4)";
  } else if (claim.ranks > 1) {
    reading.cannot = "so little is sent in this strategy that its time says nothing of the wire";
  }
}

}  // namespace

Reading read_observation(const Claim& claim, const Observation& seen,
                         std::span<const Fabric> fabrics) {
  Reading reading;
  reading.seen = seen;
  reading.seen_s = seen_seconds(claim, seen);
  if (seen.phase == Phase::kDecode) {
    read_decode(claim, reading);
  } else if (claim.layout.strategy == Strategy::kTensorParallel) {
    plan_of(claim, seen, silent_fabric(claim.ranks));  // throws where it cannot be split
    read_prompt_wire(claim, reading);
  } else {
    reading.cannot = "a prompt's rate is explained for tensor parallelism only";
  }
  expect(claim, fabrics, reading);
  return reading;
}

Reading read_order(const Claim& claim, const ParsedStrategy& rival, const Observation& at) {
  Reading reading;
  reading.seen = at;
  reading.at_most = true;
  const auto fabric = silent_fabric(claim.ranks);
  const auto plan = plan_of(claim, at, fabric);
  Claim other = claim;
  other.layout = rival.layout;
  other.ranks = rival.ranks;
  const auto rival_plan = plan_of(other, at, fabric);
  const auto corners = corners_of(claim.machine, claim.gamma);
  const auto left = [&](const Assumptions& assumed) {
    return without_wire(rival_plan.parts(claim.model, claim.machine, assumed)) -
           without_wire(plan.parts(claim.model, claim.machine, assumed));
  };
  const auto& messages = plan.paths.front().messages;
  const auto count = messages[0].message.count + messages[1].message.count;
  const Band gap{left(corners.fastest), left(corners.middle), left(corners.slowest)};
  reading.wire = ImpliedWire{.bytes = messages.front().message.bytes,
                             .count = count,
                             .ranks = claim.ranks,
                             .rest_s = {},
                             .each_s = gap * (1 / real(count))};
  reading.rest_from = "efficiency and fixed cost, the same for both";
  return reading;
}

}  // namespace wiretax
