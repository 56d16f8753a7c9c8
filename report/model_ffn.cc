#include <fmt/format.h>

#include <algorithm>

#include "report/model_layers.h"
#include "report/units.h"

namespace wiretax {
namespace {

/// A gated FFN: two matrices in, one out.
void add_gated(const std::string& prefix, bool fused, double PerPart::*part, double matrix,
               Weights& weights) {
  if (fused) {
    weights.add(prefix + "gate_up_proj", part, 2 * matrix);
  } else {
    weights.add(prefix + "gate_proj", part, matrix);
    weights.add(prefix + "up_proj", part, matrix);
  }
  weights.add(prefix + "down_proj", part, matrix);
}

Weights dense_weights(const ConfigFields& fields, const Family& family, double hidden) {
  const double width = real(fields.count("intermediate_size", kWidest));
  Weights weights;
  add_gated("mlp.", family.fused, &PerPart::ffn, hidden * width, weights);
  if (fields.flag("mlp_bias").value_or(false)) weights.plain.ffn += 2 * width + hidden;
  return weights;
}

/// All experts of a layer under the first one's names: the families differ in those.
void add_experts(const Family& family, double matrices, Weights& weights) {
  const auto prefix = fmt::format("{}.experts.", family.expert_block);
  if (family.expert_block == "block_sparse_moe") {
    for (const auto* const name : {"0.w1", "0.w2", "0.w3"}) {
      weights.add(prefix + name, &PerPart::experts, matrices);
    }
    return;
  }
  const bool fused = family.routed_bias;  // gpt-oss stores all experts in one tensor
  add_gated(fused ? prefix : prefix + "0.", fused, &PerPart::experts, matrices, weights);
}

/// Layers whose FFN is dense although the model has experts.
std::vector<bool> dense_layers(const ConfigFields& fields, std::uint64_t layers) {
  const auto leading = fields.count_or("first_k_dense_replace", layers, 0);
  const auto step = fields.count_or("decoder_sparse_step", layers, 1);
  const auto frequency = fields.count_or("moe_layer_freq", layers, 1);
  if (frequency == 0) fields.fail("moe_layer_freq", fmt::format("0 is not in 1 to {}", layers));
  std::vector<bool> dense(layers);
  for (std::uint64_t layer = 0; layer < layers; ++layer) {
    dense[layer] =
        layer < leading || step == 0 || (layer + 1) % step != 0 || layer % frequency != 0;
  }
  const auto* const list = fields.find("mlp_only_layers");
  if (list == nullptr) return dense;
  if (!list->is_array()) fields.fail("mlp_only_layers", "not a list");
  for (const auto& layer : *list) {
    if (!layer.is_number_unsigned() || layer.get<std::uint64_t>() >= layers) {
      fields.fail("mlp_only_layers", fmt::format("{} is not a layer", layer.dump()));
    }
    dense[layer.get<std::uint64_t>()] = true;
  }
  return dense;
}

/// The experts that every token passes, where there are any.
void add_shared(const ConfigFields& fields, const Family& family, double hidden,
                double expert_width, Weights& weights) {
  const double by_width = real(fields.count_or("shared_expert_intermediate_size", kWidest, 0)) +
                          real(fields.count_or("shared_intermediate_size", kWidest, 0));
  const double by_count = real(fields.count_or("n_shared_experts", kMostExperts, 0));
  const double width = by_width + by_count * expert_width;
  if (width == 0) return;
  const auto* const name = by_count > 0 ? "mlp.shared_experts." : "mlp.shared_expert.";
  add_gated(name, false, &PerPart::shared_expert, hidden * width, weights);
  if (family.shared_gate) weights.plain.shared_expert += hidden;
}

bool has_router_offset(const ConfigFields& fields, const Family& family) {
  if (!family.router_offset) return false;
  return !fields.has("topk_method") || fields.text("topk_method") == "noaux_tc";
}

void read_expert_counts(const ConfigFields& fields, Model& model) {
  model.experts =
      first_count(fields, {"num_experts", "num_local_experts", "n_routed_experts"}, kMostExperts);
  model.experts_per_token =
      first_count(fields, {"num_experts_per_tok", "experts_per_token"}, kMostExperts);
  if (model.experts_per_token > model.experts) {
    fields.fail("num_experts_per_tok",
                fmt::format("{} of {} experts", model.experts_per_token, model.experts));
  }
}

Weights sparse_weights(const ConfigFields& fields, const Family& family, const Model& model) {
  const double hidden = real(model.hidden);
  const double experts = real(model.experts);
  const double width =
      real(first_count(fields, {"moe_intermediate_size", "intermediate_size"}, kWidest));
  Weights weights;
  add_experts(family, experts * hidden * width, weights);
  if (family.routed_bias) weights.plain.experts += experts * (2 * width + hidden);
  const bool per_expert = family.routed_bias || has_router_offset(fields, family);
  weights.plain.router += experts * (hidden + (per_expert ? 1 : 0));
  add_shared(fields, family, hidden, width, weights);
  return weights;
}

}  // namespace

FeedForward read_ffn(const ConfigFields& fields, const Family& family, Model& model) {
  const double hidden = real(model.hidden);
  FeedForward ffn;
  if (!family.moe) {
    for (const auto* const field : {"num_experts", "num_local_experts", "n_routed_experts"}) {
      if (fields.count_or(field, kMostExperts, 0) > 0) {
        fields.fail(field, fmt::format("not understood in model_type {}", family.model_type));
      }
    }
    ffn.dense = dense_weights(fields, family, hidden);
    ffn.is_dense.assign(model.layers, true);
    return ffn;
  }
  read_expert_counts(fields, model);
  ffn.sparse = sparse_weights(fields, family, model);
  ffn.is_dense = dense_layers(fields, model.layers);
  model.sparse_layers = static_cast<std::uint64_t>(std::ranges::count(ffn.is_dense, false));
  if (model.sparse_layers < model.layers) {
    ffn.dense = dense_weights(fields, family, hidden);
  }
  return ffn;
}

}  // namespace wiretax
