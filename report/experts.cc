// Expert parallelism: every machine keeps all but the experts, and its own sequences.

#include <fmt/format.h>

#include "report/strategies.h"
#include "report/units.h"

namespace wiretax {
namespace {

std::string experts_reason(const Model& model, std::uint64_t ranks) {
  if (!model.is_moe()) return "a dense model has no experts to deal out";
  if (model.experts % ranks != 0) {
    return fmt::format("{} experts do not divide by {}", model.experts, ranks);
  }
  return {};
}

std::vector<Message> layer_messages(const Setting& setting, const Layout& layout,
                                    std::uint64_t all_tokens, std::uint64_t own_tokens) {
  const auto ranks = setting.step.ranks;
  return layout.strategy == Strategy::kExpertAllToAll
             ? expert_all_to_all_messages(setting.model, ranks, own_tokens)
             : expert_parallel_messages(setting.model, ranks, all_tokens);
}

/// The experts of the draft's layers are dealt out like the model's.
std::vector<Message> draft_layer_messages(const Setting& setting, const Layout& layout,
                                          std::uint64_t own_sequences) {
  const auto& [model, machine, fabric, step] = setting;
  if (step.drafts == 0 || model.draft.parameters.experts <= 0) return {};
  auto messages = layer_messages(setting, layout, step.sequences, own_sequences);
  for (auto& message : messages) {
    message.count = step.drafts * (model.draft.layers / model.draft.modules);
    message.purpose += " of a draft";
  }
  return messages;
}

double memory_bytes(const Setting& setting, std::uint64_t own_sequences) {
  const auto& [model, machine, fabric, step] = setting;
  const double elsewhere = 1 - 1 / real(step.ranks);
  double bytes = model.resident_bytes() - elsewhere * model.expert_bytes();
  if (step.drafts > 0) {
    bytes += model.draft_resident_bytes() -
             elsewhere * model.draft_expert_bytes() * real(model.draft.modules);
  }
  return bytes + kept_bytes(setting, real(own_sequences), 1);
}

/// The routed share is spread over all machines, the rest is the fullest one's own.
double operations(const Setting& setting, std::uint64_t own_sequences) {
  const auto& [model, machine, fabric, step] = setting;
  const double routed = 2 * model.parameters.experts * model.coverage(1, 1);
  const auto all = step.tokens_of(step.sequences);
  const auto own = step.tokens_of(own_sequences);
  return layer_operations(model, real(own.layers)) - routed * real(own.layers) +
         routed * real(all.layers) / real(step.ranks) + head_operations(model, real(own.sampled)) +
         draft_operations(setting, real(own_sequences));
}

Path machine_path(Pricer& pricer, const Setting& setting, const Layout& layout) {
  const auto& [model, machine, fabric, step] = setting;
  const auto own_sequences = tokens_per_part(step.sequences, step.ranks);
  const double own = real(own_sequences);
  const auto all_tokens = step.tokens_of(step.sequences).layers;
  const auto own_tokens = step.tokens_of(own_sequences).layers;
  const Shares shares = {1, 1 / real(step.ranks), 1};
  Path path{.what = "the fullest machine", .cache = cache_traffic(setting, own, 1)};
  path.reads.push_back(model_read(model, real(all_tokens), shares));
  if (step.drafts > 0) {
    path.reads.push_back(draft_read(model, step, real(step.sequences), shares));
  }
  path.operations = operations(setting, own_sequences);
  path.send(pricer.price(layer_messages(setting, layout, all_tokens, own_tokens), step.ranks));
  path.send(pricer.price(draft_layer_messages(setting, layout, own_sequences), step.ranks));
  return path;
}

}  // namespace

Plan plan_experts(const Setting& setting, const Layout& layout) {
  const auto& [model, machine, fabric, step] = setting;
  Plan plan{.strategy = layout.strategy,
            .layout = layout,
            .name = strategy_name(layout, step.ranks),
            .paths = {},
            .reason = experts_reason(model, step.ranks),
            .notes = {}};
  if (!plan.fits()) return plan;
  const auto own_sequences = tokens_per_part(step.sequences, step.ranks);
  plan.reason = memory_reason(machine, memory_bytes(setting, own_sequences));
  Pricer pricer(fabric);
  if (layout.strategy == Strategy::kExpertAllToAll) {
    pricer.note(
        fmt::format("{}: a token goes to {:.3g} of {} ranks, all experts being equally likely; "
                    "bf16 both ways",
                    model.name, expected_ranks_per_token(model, step.ranks), step.ranks));
  }
  plan.paths.push_back(machine_path(pricer, setting, layout));
  plan.notes = pricer.take_notes();
  return plan;
}

}  // namespace wiretax
