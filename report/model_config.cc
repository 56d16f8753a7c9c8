// Hugging Face config.json -> Model. Field names are those of transformers' configuration classes;
// the shapes of the weights those of its modeling files.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "report/catalogue.h"
#include "report/config_fields.h"
#include "report/model.h"
#include "report/record.h"

namespace wiretax {
namespace {

using Json = nlohmann::json;

enum class QkNorm { kNone, kPerHead, kPerLayer };

/// What a family has that its config.json does not say.
struct Family {
  std::string_view model_type;
  bool moe = false;
  QkNorm qk_norm = QkNorm::kNone;
  bool qkv_bias = false;       // whatever attention_bias says
  bool output_gate = false;    // q_proj makes a gate too
  bool routed_bias = false;    // experts and router have biases, attention has sinks
  bool shared_gate = false;    // a gate vector for the shared expert
  bool router_offset = false;  // one correction per expert
};

constexpr std::array kFamilies = {
    Family{.model_type = "llama"},
    Family{.model_type = "mistral"},
    Family{.model_type = "mixtral", .moe = true},
    Family{.model_type = "qwen2", .qkv_bias = true},
    Family{.model_type = "qwen2_moe", .moe = true, .qkv_bias = true, .shared_gate = true},
    Family{.model_type = "qwen3", .qk_norm = QkNorm::kPerHead},
    Family{.model_type = "qwen3_moe", .moe = true, .qk_norm = QkNorm::kPerHead},
    Family{.model_type = "qwen3_next",
           .moe = true,
           .qk_norm = QkNorm::kPerHead,
           .output_gate = true,
           .shared_gate = true},
    Family{.model_type = "qwen3_5_text", .qk_norm = QkNorm::kPerHead, .output_gate = true},
    Family{.model_type = "qwen3_5_moe_text",
           .moe = true,
           .qk_norm = QkNorm::kPerHead,
           .output_gate = true,
           .shared_gate = true},
    Family{.model_type = "gpt_oss", .moe = true, .routed_bias = true},
    Family{.model_type = "minimax_m2",
           .moe = true,
           .qk_norm = QkNorm::kPerLayer,
           .router_offset = true},
    Family{.model_type = "glm4_moe", .moe = true, .router_offset = true},
};

/// Fields of structures that change the weights, the KV cache or the messages and that nothing here
/// prices: latent attention, state-space layers, parallel blocks, shared KV layers.
constexpr std::array<std::string_view, 12> kNotUnderstood = {
    "kv_lora_rank",  "q_lora_rank",     "qk_rope_head_dim",        "ssm_state_size",
    "mamba_d_state", "mamba_num_heads", "hybrid_override_pattern", "num_kv_shared_layers",
    "state_size",    "time_step_rank",  "parallel_attn",           "block_configs"};

constexpr std::uint64_t kMostLayers = 10'000;
constexpr std::uint64_t kWidest = 1 << 20;      // hidden sizes, FFN widths, head sizes
constexpr std::uint64_t kMostTokens = 1 << 24;  // vocabulary
constexpr std::uint64_t kMostExperts = 1 << 16;

double real(std::uint64_t value) { return static_cast<double>(value); }

const Family& family_of(const ConfigFields& fields) {
  for (const auto field : kNotUnderstood) {
    if (fields.has(field)) fields.fail(field, "not understood, so this model cannot be priced");
  }
  const auto type = fields.text("model_type");
  const auto* const found = std::ranges::find(kFamilies, type, &Family::model_type);
  if (found != kFamilies.end()) return *found;
  std::vector<std::string_view> names;
  names.reserve(kFamilies.size());
  for (const auto& family : kFamilies) names.push_back(family.model_type);
  fields.fail("model_type",
              fmt::format("'{}' is not understood (only {})", type, fmt::join(names, ", ")));
}

/// The first of several names of one field; the first is named where all are missing.
std::uint64_t first_count(const ConfigFields& fields, std::initializer_list<std::string_view> names,
                          std::uint64_t largest) {
  for (const auto name : names) {
    if (fields.has(name)) return fields.count(name, largest);
  }
  return fields.count(*names.begin(), largest);
}

void read_shape(const ConfigFields& fields, Model& model) {
  model.layers = fields.count("num_hidden_layers", kMostLayers);
  model.hidden = fields.count("hidden_size", kWidest);
  model.heads = fields.count("num_attention_heads", kWidest);
  model.kv_heads = fields.has("num_key_value_heads") ? fields.count("num_key_value_heads", kWidest)
                                                     : model.heads;
  model.vocabulary = fields.count("vocab_size", kMostTokens);
  if (model.heads % model.kv_heads != 0) {
    fields.fail("num_key_value_heads",
                fmt::format("{} does not divide {} heads", model.kv_heads, model.heads));
  }
  if (!fields.has("head_dim") && model.hidden % model.heads != 0) {
    fields.fail("num_attention_heads", fmt::format("{} does not divide hidden_size {}, and there "
                                                   "is no head_dim",
                                                   model.heads, model.hidden));
  }
  model.head_dim = fields.count_or("head_dim", kWidest, model.hidden / model.heads);
  if (model.head_dim == 0) fields.fail("head_dim", "0 is not in 1 to 1048576");
}

struct LayerKinds {
  std::uint64_t full = 0;
  std::uint64_t sliding = 0;
  std::uint64_t linear = 0;
};

LayerKinds kinds_by_list(const ConfigFields& fields, const Json& types, std::uint64_t layers) {
  if (!types.is_array() || types.size() != layers) {
    fields.fail("layer_types", fmt::format("not a list of {} layers", layers));
  }
  LayerKinds kinds;
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (types[i] == "full_attention") {
      ++kinds.full;
    } else if (types[i] == "sliding_attention") {
      ++kinds.sliding;
    } else if (types[i] == "linear_attention") {
      ++kinds.linear;
    } else {
      fields.fail(fmt::format("layer_types[{}]", i),
                  fmt::format("{} is not understood", types[i].dump()));
    }
  }
  return kinds;
}

LayerKinds layer_kinds(const ConfigFields& fields, std::uint64_t layers) {
  if (const auto* const types = fields.find("attn_type_list")) {  // MiniMax: 1 is softmax attention
    const bool all_full = types->is_array() && types->size() == layers &&
                          std::ranges::all_of(*types, [](const Json& type) { return type == 1; });
    if (!all_full) fields.fail("attn_type_list", "only softmax attention (1) is understood");
  }
  if (const auto* const types = fields.find("layer_types")) {
    return kinds_by_list(fields, *types, layers);
  }
  if (!fields.has("linear_num_value_heads")) {
    const bool windowed =
        fields.has("sliding_window") && fields.flag("use_sliding_window").value_or(true);
    return windowed ? LayerKinds{.sliding = layers} : LayerKinds{.full = layers};
  }
  const auto interval = fields.count_or("full_attention_interval", kMostLayers, 4);
  if (interval == 0) fields.fail("full_attention_interval", "0 is not in 1 to 10000");
  return {.full = layers / interval, .linear = layers - layers / interval};
}

/// Softmax attention of one layer: q, k, v and output projections, their biases, the norms of q, k.
void add_attention(const ConfigFields& fields, const Family& family, double layers, Model& model) {
  const double hidden = real(model.hidden);
  const double q = real(model.heads * model.head_dim);
  const double kv = real(2 * model.kv_heads * model.head_dim);
  const bool gated = fields.flag("attn_output_gate").value_or(family.output_gate);
  const double q_out = gated ? 2 * q : q;
  const bool bias = fields.flag("attention_bias").value_or(false);
  const bool glm = family.model_type == "glm4_moe";  // attention_bias spares the output
  double one = hidden * (q_out + kv) + q * hidden;
  if (bias || family.qkv_bias) one += q_out + kv;
  if (bias && !family.qkv_bias && !glm) one += hidden;
  if (family.routed_bias) one += real(model.heads);  // attention sinks
  const auto norm =
      glm && fields.flag("use_qk_norm").value_or(false) ? QkNorm::kPerHead : family.qk_norm;
  if (norm == QkNorm::kPerHead) model.parameters.norms += layers * 2 * real(model.head_dim);
  if (norm == QkNorm::kPerLayer) model.parameters.norms += layers * (q + kv / 2);
  model.parameters.attention += layers * one;
}

/// Gated delta net of one layer (transformers, Qwen3NextGatedDeltaNet): projections to q, k, v, z,
/// b and a, a causal convolution over q, k, v, decay and time bias per head, the output projection.
void add_linear_attention(const ConfigFields& fields, double layers, Model& model) {
  const double hidden = real(model.hidden);
  model.linear_heads = fields.count("linear_num_key_heads", kWidest);
  const double value_heads = real(fields.count("linear_num_value_heads", kWidest));
  const double value_dim = real(fields.count("linear_value_head_dim", kWidest));
  const double key = real(model.linear_heads * fields.count("linear_key_head_dim", kWidest));
  const double value = value_heads * value_dim;
  const double kernel = real(fields.count("linear_conv_kernel_dim", kWidest));
  const double qkv = 2 * key + value;
  model.parameters.linear_attention += layers * (hidden * (qkv + value + 2 * value_heads) +
                                                 qkv * kernel + 2 * value_heads + value * hidden);
  model.parameters.norms += layers * value_dim;
}

/// Layers whose FFN is dense although the model has experts.
std::uint64_t dense_layers(const ConfigFields& fields, std::uint64_t layers) {
  const auto leading = fields.count_or("first_k_dense_replace", layers, 0);
  const auto step = fields.count_or("decoder_sparse_step", layers, 1);
  std::vector<std::uint64_t> only_dense;
  if (const auto* const list = fields.find("mlp_only_layers")) {
    if (!list->is_array()) fields.fail("mlp_only_layers", "not a list");
    for (const auto& layer : *list) {
      if (!layer.is_number_unsigned() || layer.get<std::uint64_t>() >= layers) {
        fields.fail("mlp_only_layers", fmt::format("{} is not a layer", layer.dump()));
      }
      only_dense.push_back(layer.get<std::uint64_t>());
    }
  }
  std::uint64_t dense = 0;
  for (std::uint64_t layer = 0; layer < layers; ++layer) {
    const bool sparse = layer >= leading && step != 0 && (layer + 1) % step == 0 &&
                        !std::ranges::count(only_dense, layer);
    dense += sparse ? 0 : 1;
  }
  return dense;
}

/// Width of the experts that every token passes, 0 without.
double shared_width(const ConfigFields& fields, double expert_width) {
  const double by_width = real(fields.count_or("shared_expert_intermediate_size", kWidest, 0)) +
                          real(fields.count_or("shared_intermediate_size", kWidest, 0));
  return by_width + real(fields.count_or("n_shared_experts", kMostExperts, 0)) * expert_width;
}

void add_experts(const ConfigFields& fields, const Family& family, Model& model) {
  model.experts =
      first_count(fields, {"num_experts", "num_local_experts", "n_routed_experts"}, kMostExperts);
  model.experts_per_token =
      first_count(fields, {"num_experts_per_tok", "experts_per_token"}, kMostExperts);
  if (model.experts_per_token > model.experts) {
    fields.fail("num_experts_per_tok",
                fmt::format("{} of {} experts", model.experts_per_token, model.experts));
  }
  const double hidden = real(model.hidden);
  const double experts = real(model.experts);
  const double width =
      real(first_count(fields, {"moe_intermediate_size", "intermediate_size"}, kWidest));
  const auto dense = dense_layers(fields, model.layers);
  const double sparse = real(model.layers - dense);
  const double biases = family.routed_bias ? 2 * width + hidden : 0;
  model.parameters.experts = sparse * experts * (3 * hidden * width + biases);
  const bool per_expert = family.routed_bias || family.router_offset;
  model.parameters.router = sparse * experts * (hidden + (per_expert ? 1 : 0));
  const double shared = shared_width(fields, width);
  if (shared > 0) {
    const double gate = family.shared_gate ? hidden : 0;
    model.parameters.shared_expert = sparse * (3 * hidden * shared + gate);
  }
  if (dense > 0) {
    model.parameters.ffn =
        real(dense) * 3 * hidden * real(fields.count("intermediate_size", kWidest));
  }
}

void add_ffn(const ConfigFields& fields, const Family& family, Model& model) {
  if (family.moe) return add_experts(fields, family, model);
  for (const auto* const field : {"num_experts", "num_local_experts", "n_routed_experts"}) {
    if (fields.count_or(field, kMostExperts, 0) > 0) {
      fields.fail(field, fmt::format("not understood in model_type {}", family.model_type));
    }
  }
  const double width = real(fields.count("intermediate_size", kWidest));
  const double bias = fields.flag("mlp_bias").value_or(false) ? 2 * width + real(model.hidden) : 0;
  model.parameters.ffn = real(model.layers) * (3 * real(model.hidden) * width + bias);
}

void add_embedding(bool tied, Model& model) {
  const double matrix = real(model.vocabulary) * real(model.hidden);
  model.parameters.embedding = matrix;
  model.parameters.lm_head = tied ? 0 : matrix;
}

/// The file's own method where its name says all. The mixed ones of ModelOpt have to be named.
Quantisation quantisation_of(const ConfigFields& fields, std::string_view wanted) {
  if (!wanted.empty()) return find_quantisation(wanted);
  const auto* const config = fields.find("quantization_config");
  if (config == nullptr) return find_quantisation("bf16");
  if (!config->is_object()) fields.fail("quantization_config", "not an object");
  const ConfigFields inner(*config, fields.origin(), "quantization_config.");
  const auto method = inner.text("quant_method");
  if (method == "fp8" || method == "mxfp4") return find_quantisation(method);
  inner.fail("quant_method", fmt::format("'{}' is not understood: append :bf16, :fp8, :mxfp4 or "
                                         ":nvfp4 to the file's name",
                                         method));
}

}  // namespace

Model parse_model(std::string_view config_json, std::string_view origin, std::string_view quant) {
  const auto document = parse_object(config_json, origin);
  const ConfigFields outer(document, std::string(origin));
  const auto* const nested = outer.find("text_config");
  if (nested != nullptr && !nested->is_object()) outer.fail("text_config", "not an object");
  const ConfigFields fields(nested != nullptr ? *nested : document, std::string(origin),
                            nested != nullptr ? "text_config." : "");
  const auto& family = family_of(fields);
  Model model;
  model.name = origin;
  model.source = origin;
  model.quant = quantisation_of(outer, quant);
  read_shape(fields, model);
  const auto kinds = layer_kinds(fields, model.layers);
  model.kv_layers = kinds.full + kinds.sliding;
  model.sliding_layers = kinds.sliding;
  add_attention(fields, family, real(model.kv_layers), model);
  if (kinds.linear > 0) add_linear_attention(fields, real(kinds.linear), model);
  add_ffn(fields, family, model);
  const auto tied = fields.flag("tie_word_embeddings");
  add_embedding(tied ? *tied : outer.flag("tie_word_embeddings").value_or(false), model);
  model.parameters.norms += real(2 * model.layers + 1) * real(model.hidden);
  return model;
}

Model read_model(const std::filesystem::path& path, std::string_view quant) {
  return parse_model(read_small_file(path), path.string(), quant);
}

}  // namespace wiretax
