#include "report/prefill.h"

#include <algorithm>
#include <limits>

#include "report/strategies.h"
#include "report/units.h"

namespace wiretax {
namespace {

Parts operator+(const Parts& a, const Parts& b) {
  return {a.weights_s + b.weights_s, a.kv_s + b.kv_s, a.wire_s + b.wire_s,
          a.compute_s + b.compute_s, a.fixed_s + b.fixed_s};
}

Parts operator*(const Parts& parts, double times) {
  return {parts.weights_s * times, parts.kv_s * times, parts.wire_s * times,
          parts.compute_s * times, parts.fixed_s * times};
}

bool reads_apart(const Layout& layout) {
  return layout.strategy == Strategy::kReplicas || layout.strategy == Strategy::kExpertParallel ||
         layout.strategy == Strategy::kExpertAllToAll;
}

/// Between two chunks: a pipeline's fullest stage, or the whole chunk.
Parts interval(const Plan& plan, const Model& model, const Machine& machine,
               const Assumptions& at) {
  if (plan.paths.size() == 1) return plan.paths.front().parts(model, machine, at);
  Parts longest;
  for (auto path = plan.paths.begin() + 1; path != plan.paths.end(); ++path) {
    const auto parts = path->parts(model, machine, at);
    if (parts.total() > longest.total()) longest = parts;
  }
  return longest;
}

Machine computing_at(Machine machine, double flops_per_s) {
  machine.compute_flops_per_s =
      flops_per_s > 0 ? flops_per_s : std::numeric_limits<double>::infinity();
  return machine;
}

}  // namespace

PrefillPlan::PrefillPlan(const Model& model, const Machine& machine, const Fabric& fabric,
                         const Layout& layout, std::uint64_t ranks, const Prompts& prompts)
    : model_(model), machine_(machine) {
  const auto lanes = reads_apart(layout) ? std::min(ranks, prompts.count) : 1;
  const auto in_lane = (prompts.count + lanes - 1) / lanes;
  const auto tokens = in_lane * prompts.length;
  const auto plan_of = [&](std::uint64_t length) {
    const auto sampled = std::min(in_lane, (length + prompts.length - 1) / prompts.length);
    const Step step{.sequences = lanes,
                    .tokens_each = length,
                    .sampled_each = sampled,
                    .context = 0,
                    .ranks = ranks};
    return plan_layout({model, machine, fabric, step}, layout);
  };
  const auto rest = tokens % prompts.chunk;
  full_count_ = tokens / prompts.chunk - (rest == 0 ? 1 : 0);
  if (full_count_ > 0) full_ = plan_of(prompts.chunk);
  last_ = plan_of(rest == 0 ? prompts.chunk : rest);
}

Parts PrefillPlan::parts(const Assumptions& at) const {
  const auto machine = computing_at(machine_, at.prefill_flops_per_s);
  auto sum = last_.paths.front().parts(model_, machine, at);
  if (full_count_ > 0) sum = sum + interval(full_, model_, machine, at) * real(full_count_);
  return sum;
}

std::optional<Band> Prefill::tokens_per_s() const {
  if (!time_s) return std::nullopt;
  const double tokens = real(prompts.count * prompts.length);
  return Band{tokens / time_s->high, tokens / time_s->mid, tokens / time_s->low};
}

Corners corners_of(const Machine& machine, const Band& gamma) {
  const auto& efficiency = machine.efficiency;
  const auto& fixed = machine.fixed_s;
  const auto prefill = machine.prefill_flops_per_s.value_or(Band{});
  return {{efficiency.high, fixed.low, gamma.low, -1, prefill.high},
          {efficiency.mid, fixed.mid, gamma.mid, 0, prefill.mid},
          {efficiency.low, fixed.high, gamma.high, 1, prefill.low}};
}

Prefill price_prefill(const Model& model, const Machine& machine, const Fabric& fabric,
                      const Layout& layout, std::uint64_t ranks, const Prompts& prompts,
                      const Corners& corners) {
  const PrefillPlan plan(model, machine, fabric, layout, ranks, prompts);
  Prefill prefill{.prompts = prompts,
                  .chunks = plan.chunks(),
                  .parts = plan.parts(corners.middle),
                  .time_s = {}};
  if (machine.prefill_flops_per_s) {
    prefill.time_s = Band{plan.parts(corners.fastest).total(), prefill.parts.total(),
                          plan.parts(corners.slowest).total()};
  }
  return prefill;
}

}  // namespace wiretax
