#include "report/strategies.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "report/units.h"

namespace wiretax {
namespace {

constexpr std::array kExtra = {
    std::pair{std::string_view("sp"), Strategy::kSequenceParallel},
    std::pair{std::string_view("ep"), Strategy::kExpertParallel},
    std::pair{std::string_view("ep-alltoall"), Strategy::kExpertAllToAll}};

Plan empty_plan(const Setting& setting, const Layout& layout) {
  return {.strategy = layout.strategy,
          .layout = layout,
          .name = strategy_name(layout, setting.step.ranks),
          .paths = {},
          .reason = {},
          .notes = {}};
}

double draft_resident_bytes(const Setting& setting) {
  return setting.step.drafts > 0 ? setting.model.draft_resident_bytes() : 0;
}

/// One machine that serves `sequences` alone.
Plan alone(const Setting& setting, const Layout& layout, std::uint64_t sequences) {
  const auto& [model, machine, fabric, step] = setting;
  auto plan = empty_plan(setting, layout);
  const auto tokens = step.tokens_of(sequences);
  const double count = real(sequences);
  plan.reason = memory_reason(machine, model.resident_bytes() + draft_resident_bytes(setting) +
                                           kept_bytes(setting, count, 1));
  Path path{.what = "one machine", .cache = cache_traffic(setting, count, 1)};
  path.reads.push_back(model_read(model, real(tokens.layers), {}));
  if (step.drafts > 0) path.reads.push_back(draft_read(model, step, count, {}));
  path.operations = layer_operations(model, real(tokens.layers)) +
                    head_operations(model, real(tokens.sampled)) + draft_operations(setting, count);
  plan.paths.push_back(std::move(path));
  return plan;
}

}  // namespace

std::string strategy_name(const Layout& layout, std::uint64_t ranks) {
  switch (layout.strategy) {
    case Strategy::kSingle:
      return "tp1";
    case Strategy::kTensorParallel:
      return fmt::format("tp{}", ranks);
    case Strategy::kPipeline:
      return fmt::format("pp{}", ranks);
    case Strategy::kReplicas:
      return fmt::format("replicas{}", ranks);
    case Strategy::kTensorPipeline:
      return fmt::format("tp{}pp{}", layout.group, ranks / layout.group);
    case Strategy::kSequenceParallel:
      return fmt::format("tp{}sp", ranks);
    case Strategy::kExpertParallel:
      return fmt::format("ep{}", ranks);
    case Strategy::kExpertAllToAll:
      return fmt::format("ep{}a2a", ranks);
  }
  return {};
}

Strategy parse_strategy(std::string_view name) {
  const auto* const found =
      std::ranges::find(kExtra, name, &std::pair<std::string_view, Strategy>::first);
  if (found != kExtra.end()) return found->second;
  throw std::invalid_argument(
      fmt::format("strategy '{}' is not known (use sp, ep or ep-alltoall)", name));
}

Step decode_step(const Model& model, const Workload& workload) {
  check_tokens(workload.batch);  // before it is multiplied
  return {.sequences = workload.batch,
          .tokens_each = 1 + workload.drafts,
          .sampled_each = 1 + workload.drafts,
          .context = real(workload.context),
          .ranks = workload.ranks,
          .drafts = model.draft.modules > 0 ? workload.drafts : 0};
}

std::vector<Layout> layouts_of(std::uint64_t ranks, const std::vector<Strategy>& extra) {
  std::vector<Layout> layouts = {{Strategy::kSingle, 1}};
  if (ranks < 2) return layouts;
  layouts.push_back({Strategy::kTensorParallel, ranks});
  layouts.push_back({Strategy::kPipeline, 1});
  layouts.push_back({Strategy::kReplicas, 1});
  for (std::uint64_t group = 2; group < ranks; ++group) {
    if (ranks % group == 0) layouts.push_back({Strategy::kTensorPipeline, group});
  }
  for (const auto strategy : extra) layouts.push_back({strategy, ranks});
  return layouts;
}

Plan plan_layout(const Setting& setting, const Layout& layout) {
  switch (layout.strategy) {
    case Strategy::kSingle:
      return plan_single(setting);
    case Strategy::kReplicas:
      return plan_replicas(setting);
    case Strategy::kTensorParallel:
    case Strategy::kSequenceParallel:
      return plan_tensor_parallel(setting, layout);
    case Strategy::kPipeline:
    case Strategy::kTensorPipeline:
      return plan_pipeline(setting, layout);
    case Strategy::kExpertParallel:
    case Strategy::kExpertAllToAll:
      return plan_experts(setting, layout);
  }
  return {};
}

Plan plan_single(const Setting& setting) {
  return alone(setting, {Strategy::kSingle, 1}, setting.step.sequences);
}

/// Every machine serves its part of the sequences alone; the fullest one sets the time.
Plan plan_replicas(const Setting& setting) {
  const auto part = tokens_per_part(setting.step.sequences, setting.step.ranks);
  return alone(setting, {Strategy::kReplicas, 1}, part);
}

Plan plan_tensor_parallel(const Setting& setting, const Layout& layout) {
  const auto& [model, machine, fabric, step] = setting;
  const auto ranks = step.ranks;
  const double part = 1 / real(ranks);
  const double sequences = real(step.sequences);
  const auto tokens = step.tokens_of(step.sequences);
  auto plan = empty_plan(setting, layout);
  plan.reason = heads_reason(model, ranks);
  if (plan.fits()) {
    plan.reason =
        memory_reason(machine, part * (model.resident_bytes() + draft_resident_bytes(setting)) +
                                   kept_bytes(setting, sequences, ranks));
  }
  Path path{.what = "every machine", .cache = cache_traffic(setting, sequences, ranks)};
  path.reads.push_back(model_read(model, real(tokens.layers), {part, part, part}));
  if (step.drafts > 0) path.reads.push_back(draft_read(model, step, sequences, {part, part, part}));
  path.operations =
      part * (layer_operations(model, real(tokens.layers)) +
              head_operations(model, real(tokens.sampled)) + draft_operations(setting, sequences));
  Pricer pricer(fabric);
  const auto messages = layout.strategy == Strategy::kSequenceParallel
                            ? sequence_parallel_messages(model, ranks, tokens)
                            : tensor_parallel_messages(model, ranks, tokens);
  path.send(pricer.price(messages, ranks));
  path.send(price_drafts(pricer, setting, step.sequences, ranks));
  plan.paths.push_back(std::move(path));
  plan.notes = pricer.take_notes();
  return plan;
}

}  // namespace wiretax
