// What a machine's share of a step is made of, for all strategies alike.

#include <fmt/format.h>

#include <algorithm>

#include "report/strategies.h"
#include "report/units.h"

namespace wiretax {
namespace {

constexpr double kOperationsPerParameter = 2;  // multiply and add

double head_parameters(const Model& model) { return real(model.vocabulary) * real(model.hidden); }

/// What one pass reads on all machines together, were all experts needed.
struct PassBytes {
  double layers;
  double experts;
  double head;
};

Read read_of(const PassBytes& bytes, double tokens, const Shares& shares, double passes) {
  return {.passes = passes,
          .tokens = tokens,
          .layer_share = shares.layers,
          .expert_share = shares.experts,
          .head_share = shares.head,
          .fixed_bytes = passes * (shares.layers * bytes.layers + shares.head * bytes.head),
          .expert_bytes = passes * shares.experts * bytes.experts};
}

}  // namespace

std::vector<std::uint64_t> stage_layers(std::uint64_t layers, std::uint64_t stages) {
  std::vector<std::uint64_t> result(stages, layers / stages);
  for (std::uint64_t left = layers % stages; left > 0; --left) ++result[stages - 1 - left];
  return result;
}

Read model_read(const Model& model, double tokens, const Shares& shares, double passes) {
  return read_of({model.layer_bytes(), model.expert_bytes(), model.head_bytes()}, tokens, shares,
                 passes);
}

Read draft_read(const Model& model, const Step& step, double sequences, const Shares& shares,
                double rounds) {
  auto read = read_of({model.draft_layer_bytes(), model.draft_expert_bytes(), model.head_bytes()},
                      sequences, shares, rounds * real(step.drafts));
  read.draft = true;
  return read;
}

CacheTraffic cache_traffic(const Setting& setting, double sequences, std::uint64_t group,
                           double share, double passes) {
  const auto& [model, machine, fabric, step] = setting;
  if (step.context <= 0) return {};
  const double drafts = real(step.drafts) * model.draft_kv_bytes(step.context);
  return {.sequences = sequences,
          .passes = passes,
          .cache_bytes = share * model.kv_bytes(step.context) * model.kv_share(group),
          .state_bytes = share * 2 * model.state_bytes / real(group),
          .draft_bytes = share * drafts * model.kv_share(group)};
}

double kept_bytes(const Setting& setting, double sequences, std::uint64_t group, double share) {
  const auto& [model, machine, fabric, step] = setting;
  const double drafts =
      step.drafts > 0 ? model.draft_kv_bytes(step.context) * real(model.draft.modules) : 0;
  const double cache = (model.kv_bytes(step.context) + drafts) * model.kv_share(group);
  return sequences * share * (cache + model.state_bytes / real(group));
}

double layer_operations(const Model& model, double tokens) {
  return kOperationsPerParameter * (model.active_parameters() - head_parameters(model)) * tokens;
}

double head_operations(const Model& model, double tokens) {
  return kOperationsPerParameter * head_parameters(model) * tokens;
}

double draft_operations(const Setting& setting, double sequences) {
  const auto& model = setting.model;
  const auto& draft = model.draft;
  if (setting.step.drafts == 0 || draft.modules == 0) return 0;
  const double idle = draft.parameters.experts * (1 - model.coverage(1, 1));
  const double active =
      (draft.parameters.total() - idle - draft.parameters.norms) / real(draft.modules);
  return kOperationsPerParameter * (active + head_parameters(model)) * sequences *
         real(setting.step.drafts);
}

std::string memory_reason(const Machine& machine, double bytes) {
  const double usable = machine.memory_bytes - machine.reserve_bytes;
  if (bytes <= usable) return {};
  return fmt::format("does not fit: {:.1f} GiB of weights and KV on each machine, {:.1f} usable",
                     bytes / real(kGibibyte), usable / real(kGibibyte));
}

std::string heads_reason(const Model& model, std::uint64_t ranks) {
  if (model.heads % ranks != 0) {
    return fmt::format("{} heads do not divide by {}", model.heads, ranks);
  }
  const bool kv_heads_split = model.latent_dim == 0;
  if (kv_heads_split && model.kv_heads % ranks != 0 && ranks % model.kv_heads != 0) {
    return fmt::format("{} KV heads do not divide by {}", model.kv_heads, ranks);
  }
  if (model.linear_heads % ranks != 0) {
    return fmt::format("{} linear-attention heads do not divide by {}", model.linear_heads, ranks);
  }
  return {};
}

std::vector<PricedMessage> price_drafts(Pricer& pricer, const Setting& setting,
                                        std::uint64_t sequences, std::uint64_t group) {
  if (setting.step.drafts == 0) return {};
  auto messages = draft_messages(setting.model, group, sequences);
  for (auto& message : messages) message.count *= setting.step.drafts;
  return pricer.price(messages, group);
}

}  // namespace wiretax
