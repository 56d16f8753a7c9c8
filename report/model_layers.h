#pragma once

// The layers of a transformer, read from its config.json: what each is made of and keeps.

#include <vector>

#include "report/config_fields.h"
#include "report/model.h"
#include "report/model_family.h"
#include "report/model_weights.h"

namespace wiretax {

enum class LayerKind { kFull, kSliding, kLinear };

/// The kind of every layer. Throws InputError on one that is not understood.
std::vector<LayerKind> layer_kinds(const ConfigFields& fields, const Family& family,
                                   std::uint64_t layers);

/// Heads, their sizes and what a layer adds to the KV cache.
void read_heads(const ConfigFields& fields, const Family& family, Model& model);

/// Attention of one layer, softmax or latent, its norms included.
Weights attention_weights(const ConfigFields& fields, const Family& family, const Model& model);

/// Linear attention of one layer (gated delta net); sets linear_heads and adds the state of
/// `layers` such layers.
Weights linear_attention_weights(const ConfigFields& fields, const Family& family,
                                 std::uint64_t layers, Model& model);

/// The FFNs of one layer: dense ones in the layers that `dense` marks, experts in the others.
struct FeedForward {
  Weights dense;
  Weights sparse;
  std::vector<bool> is_dense;  // by layer
};

/// Also sets experts, experts_per_token and sparse_layers.
FeedForward read_ffn(const ConfigFields& fields, const Family& family, Model& model);

/// One draft module, with the weights of a layer in it; sets model.draft but for its bits.
Weights draft_weights(const ConfigFields& fields, const Family& family, const Weights& layer,
                      Model& model);

}  // namespace wiretax
