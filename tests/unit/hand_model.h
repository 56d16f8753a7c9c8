#pragma once

// A model, a machine and a fabric so small and round that a step can be priced in one's head.

#include "report/cost.h"

namespace wiretax::by_hand {

/// Two layers of 2000 parameters, a head of 1000, all in 2 bytes: a step reads 8000 + 2000 bytes.
/// Cache: 2 layers x (key, value) x 2 heads x 5 x 2 bytes = 80 bytes a token. Messages of a token:
/// 10 x 2 = 20 bytes of hidden state, 100 x 2 = 200 of logits.
inline Model model() {
  Model model;
  model.name = "by hand";
  model.quant = find_quantisation("bf16");
  model.layers = model.kv_layers = 2;
  model.hidden = 10;
  model.heads = 4;
  model.kv_heads = 2;
  model.head_dim = 5;
  model.vocabulary = 100;
  model.parameters.attention = 4000;
  model.parameters.embedding = model.parameters.lm_head = 1000;
  return model;
}

/// The same with 4 experts of 2000 parameters in all layers together, of which a token takes 2:
/// 16,000 bytes, half of them for one token.
inline Model moe() {
  auto model = by_hand::model();
  model.experts = 4;
  model.experts_per_token = 2;
  model.sparse_layers = 2;
  model.parameters.experts = 8000;
  return model;
}

/// Reads 1000 bytes a second.
inline Machine machine() {
  Machine machine;
  machine.memory_bytes = 1e6;
  machine.memory_bytes_per_s = 1000;
  machine.efficiency = {1, 1, 1};
  machine.fixed_s = {3, 3, 3};
  machine.compute_flops_per_s = 1e12;
  return machine;
}

inline Curve flat(double time_s) {
  return Curve({{1, time_s, {time_s, time_s}}, {1 << 30, time_s, {time_s, time_s}}});
}

/// Every all_reduce takes 1 ms.
inline Fabric fabric(std::uint64_t ranks = 2) {
  Fabric fabric;
  fabric.name = "by hand";
  fabric.ranks = ranks;
  fabric.all_reduce = flat(1e-3);
  return fabric;
}

/// Reads at the full rate, 3 s of fixed cost, all experts equally likely.
inline constexpr Assumptions kPlain = {1, 3, 1, 0};

}  // namespace wiretax::by_hand
