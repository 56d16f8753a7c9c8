#include <fmt/format.h>

#include "report/model_layers.h"
#include "report/units.h"

namespace wiretax {
namespace {

constexpr auto kAttention = &PerPart::attention;
constexpr auto kLinear = &PerPart::linear_attention;

void add_softmax_projections(const Family& family, double hidden, double q, double kv,
                             Weights& weights) {
  if (family.fused) {
    weights.add("self_attn.qkv_proj", kAttention, hidden * (q + kv));
    return;
  }
  weights.add("self_attn.q_proj", kAttention, hidden * q);
  weights.add("self_attn.k_proj", kAttention, hidden * kv / 2);
  weights.add("self_attn.v_proj", kAttention, hidden * kv / 2);
}

QkNorm qk_norm_of(const ConfigFields& fields, const Family& family) {
  if (family.qk_norm != QkNorm::kNone) return family.qk_norm;
  if (!fields.flag("use_qk_norm").value_or(false)) return QkNorm::kNone;
  if (family.model_type == "glm4_moe") return QkNorm::kPerHead;
  fields.fail("use_qk_norm", fmt::format("not understood in model_type {}", family.model_type));
}

/// q, k, v and output projections, their biases, the norms of q and k.
Weights softmax_weights(const ConfigFields& fields, const Family& family, const Model& model) {
  const double hidden = real(model.hidden);
  const double q = real(model.heads * model.head_dim);
  const double kv = real(2 * model.kv_heads * model.head_dim);
  const bool gated = fields.flag("attn_output_gate").value_or(family.output_gate);
  const double q_out = gated ? 2 * q : q;
  const bool bias = fields.flag("attention_bias").value_or(false);
  Weights weights;
  add_softmax_projections(family, hidden, q_out, kv, weights);
  weights.add("self_attn.o_proj", kAttention, q * hidden);
  if (bias || family.qkv_bias) weights.plain.attention += q_out + kv;
  if (bias && !family.qkv_bias && !family.bias_spares_output) weights.plain.attention += hidden;
  if (family.routed_bias) weights.plain.attention += real(model.heads);  // attention sinks
  const auto norm = qk_norm_of(fields, family);
  if (norm == QkNorm::kPerHead) weights.plain.norms += 2 * real(model.head_dim);
  if (norm == QkNorm::kPerLayer) weights.plain.norms += q + kv / 2;
  return weights;
}

/// Queries and KV cache go through narrow projections (transformers, DeepseekV3Attention).
Weights latent_weights(const ConfigFields& fields, const Model& model) {
  const double hidden = real(model.hidden);
  const double heads = real(model.heads);
  const double rope = real(fields.count("qk_rope_head_dim", kWidest));
  const double latent = real(fields.count("kv_lora_rank", kWidest));
  const double nope = real(fields.count("qk_nope_head_dim", kWidest));
  const double value = real(fields.count("v_head_dim", kWidest));
  const double query = real(fields.count_or("q_lora_rank", kWidest, 0));
  const bool bias = fields.flag("attention_bias").value_or(false);
  Weights weights;
  if (query > 0) {
    weights.add("self_attn.q_a_proj", kAttention, hidden * query);
    weights.add("self_attn.q_b_proj", kAttention, query * heads * (nope + rope));
    weights.plain.norms += query;
    if (bias) weights.plain.attention += query;
  } else {
    weights.add("self_attn.q_proj", kAttention, hidden * heads * (nope + rope));
  }
  weights.add("self_attn.kv_a_proj_with_mqa", kAttention, hidden * (latent + rope));
  weights.add("self_attn.kv_b_proj", kAttention, latent * heads * (nope + value));
  weights.add("self_attn.o_proj", kAttention, heads * value * hidden);
  weights.plain.norms += latent;
  if (bias) weights.plain.attention += latent + rope + hidden;
  return weights;
}

/// Bytes of an element of the recurrent state: float32 unless the file says otherwise.
double state_element_bytes(const ConfigFields& fields) {
  if (!fields.has("mamba_ssm_dtype")) return 4;
  const auto type = fields.text("mamba_ssm_dtype");
  if (type == "float32") return 4;
  if (type == "bfloat16" || type == "float16") return 2;
  fields.fail("mamba_ssm_dtype", fmt::format("'{}' is not understood", type));
}

void add_linear_projections(const Family& family, double hidden, double qkv, double value,
                            double value_heads, Weights& weights) {
  if (family.model_type == "qwen3_next") {
    weights.add("linear_attn.in_proj_qkvz", kLinear, hidden * (qkv + value));
    weights.add("linear_attn.in_proj_ba", kLinear, hidden * 2 * value_heads);
    return;
  }
  weights.add("linear_attn.in_proj_qkv", kLinear, hidden * qkv);
  weights.add("linear_attn.in_proj_z", kLinear, hidden * value);
  weights.add("linear_attn.in_proj_b", kLinear, hidden * value_heads);
  weights.add("linear_attn.in_proj_a", kLinear, hidden * value_heads);
}

}  // namespace

void read_heads(const ConfigFields& fields, const Family& family, Model& model) {
  model.heads = fields.count("num_attention_heads", kWidest);
  model.kv_heads = fields.has("num_key_value_heads") ? fields.count("num_key_value_heads", kWidest)
                                                     : model.heads;
  if (model.heads % model.kv_heads != 0) {
    fields.fail("num_key_value_heads",
                fmt::format("{} does not divide {} heads", model.kv_heads, model.heads));
  }
  if (family.latent) {
    model.latent_dim =
        fields.count("kv_lora_rank", kWidest) + fields.count("qk_rope_head_dim", kWidest);
    model.head_dim = fields.count("v_head_dim", kWidest);
    model.notes.emplace_back(
        "the projections onto latent vectors (q_a, kv_a) are priced as split by tensor "
        "parallelism, "
        "engines keep them whole on each machine");
    return;
  }
  if (!fields.has("head_dim") && model.hidden % model.heads != 0) {
    fields.fail("num_attention_heads", fmt::format("{} does not divide hidden_size {}, and there "
                                                   "is no head_dim",
                                                   model.heads, model.hidden));
  }
  model.head_dim =
      fields.has("head_dim") ? fields.count("head_dim", kWidest) : model.hidden / model.heads;
}

Weights attention_weights(const ConfigFields& fields, const Family& family, const Model& model) {
  return family.latent ? latent_weights(fields, model) : softmax_weights(fields, family, model);
}

/// transformers, Qwen3NextGatedDeltaNet: projections to q, k, v, z, b and a, a causal convolution
/// over q, k, v, decay and time bias per head, the output projection. The state is a matrix per
/// value head; beside it the convolution keeps its last inputs, in bf16.
Weights linear_attention_weights(const ConfigFields& fields, const Family& family,
                                 std::uint64_t layers, Model& model) {
  constexpr double kConvolutionBytes = 2;
  const double hidden = real(model.hidden);
  model.linear_heads = fields.count("linear_num_key_heads", kWidest);
  const double value_heads = real(fields.count("linear_num_value_heads", kWidest));
  const double value_dim = real(fields.count("linear_value_head_dim", kWidest));
  const double key_dim = real(fields.count("linear_key_head_dim", kWidest));
  const double value = value_heads * value_dim;
  const double kernel = real(fields.count("linear_conv_kernel_dim", kWidest));
  const double qkv = 2 * real(model.linear_heads) * key_dim + value;
  Weights weights;
  add_linear_projections(family, hidden, qkv, value, value_heads, weights);
  weights.add("linear_attn.out_proj", kLinear, value * hidden);
  weights.plain.linear_attention += qkv * kernel + 2 * value_heads;
  weights.plain.norms += value_dim;
  model.state_bytes =
      real(layers) * (value_heads * key_dim * value_dim * state_element_bytes(fields) +
                      (kernel - 1) * qkv * kConvolutionBytes);
  return weights;
}

}  // namespace wiretax
