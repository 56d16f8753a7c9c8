#pragma once

// How each strategy shares one step out among the machines. Not for users of the library.

#include <cstdint>
#include <string>
#include <vector>

#include "report/cost.h"
#include "report/traffic.h"

namespace wiretax {

/// One pass of an engine: a decode step, or a chunk of prompts.
struct Step {
  std::uint64_t sequences = 1;     // over all machines
  std::uint64_t tokens_each = 1;   // of a sequence
  std::uint64_t sampled_each = 1;  // of those, how many make logits
  double context = 0;              // tokens of cache that a sequence keeps; 0: nothing is read
  std::uint64_t ranks = 2;
  std::uint64_t drafts = 0;  // passes of the draft, one token for each sequence

  [[nodiscard]] StepTokens tokens_of(std::uint64_t some_sequences) const {
    return {some_sequences * tokens_each, some_sequences * sampled_each};
  }
};

/// Drafts of a model without draft layers are looked up somewhere: no passes, only their tokens.
Step decode_step(const Model& model, const Workload& workload);

struct Setting {
  const Model& model;
  const Machine& machine;
  const Fabric& fabric;
  Step step;
};

/// The usual layouts of that many machines, then the extra ones.
std::vector<Layout> layouts_of(std::uint64_t ranks, const std::vector<Strategy>& extra);

Plan plan_layout(const Setting& setting, const Layout& layout);

// The strategies, each in a file with its like.
Plan plan_single(const Setting& setting);
Plan plan_replicas(const Setting& setting);
Plan plan_tensor_parallel(const Setting& setting, const Layout& layout);
Plan plan_pipeline(const Setting& setting, const Layout& layout);
Plan plan_experts(const Setting& setting, const Layout& layout);

// What they share.

/// Layers of each stage: what is left over goes to the stages before the last one, as in vLLM
/// (get_pp_indices), because the last one has the head.
std::vector<std::uint64_t> stage_layers(std::uint64_t layers, std::uint64_t stages);

struct Shares {
  double layers = 1;
  double experts = 1;
  double head = 1;
};
Read model_read(const Model& model, double tokens, const Shares& shares, double passes = 1);
/// All draft passes for one token of each of `sequences`; `rounds` times.
Read draft_read(const Model& model, const Step& step, double sequences, const Shares& shares,
                double rounds = 1);

/// Of one machine that has `share` of a sequence's layers, over `group` tensor-parallel ones.
CacheTraffic cache_traffic(const Setting& setting, double sequences, std::uint64_t group,
                           double share = 1, double passes = 1);
/// What it keeps in memory for them.
double kept_bytes(const Setting& setting, double sequences, std::uint64_t group, double share = 1);

double layer_operations(const Model& model, double tokens);
double head_operations(const Model& model, double tokens);
double draft_operations(const Setting& setting, double sequences);

std::string memory_reason(const Machine& machine, double bytes);
std::string heads_reason(const Model& model, std::uint64_t ranks);
/// Messages of all draft passes, tensor-parallel over `group`.
std::vector<PricedMessage> price_drafts(Pricer& pricer, const Setting& setting,
                                        std::uint64_t sequences, std::uint64_t group);

}  // namespace wiretax
