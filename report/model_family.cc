#include "report/model_family.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

namespace wiretax {
namespace {

constexpr std::array kFamilies = {
    Family{.model_type = "llama"},
    Family{.model_type = "mistral"},
    Family{.model_type = "granite"},
    Family{.model_type = "phi3", .fused = true},
    Family{.model_type = "mixtral", .moe = true, .expert_block = "block_sparse_moe"},
    Family{.model_type = "qwen2", .windows = Windows::kUpper, .qkv_bias = true},
    Family{.model_type = "qwen2_moe",
           .moe = true,
           .windows = Windows::kUpper,
           .qkv_bias = true,
           .shared_gate = true},
    Family{.model_type = "qwen3", .qk_norm = QkNorm::kPerHead, .windows = Windows::kUpper},
    Family{.model_type = "qwen3_moe",
           .moe = true,
           .qk_norm = QkNorm::kPerHead,
           .windows = Windows::kUpper},
    Family{.model_type = "qwen3_vl_text", .qk_norm = QkNorm::kPerHead, .windows = Windows::kUpper},
    Family{.model_type = "qwen3_vl_moe_text",
           .moe = true,
           .qk_norm = QkNorm::kPerHead,
           .windows = Windows::kUpper},
    Family{.model_type = "qwen3_next",
           .moe = true,
           .qk_norm = QkNorm::kPerHead,
           .output_gate = true,
           .shared_gate = true,
           .draft = DraftStyle::kQwen},
    Family{.model_type = "qwen3_5_text",
           .qk_norm = QkNorm::kPerHead,
           .output_gate = true,
           .draft = DraftStyle::kQwen},
    Family{.model_type = "qwen3_5_moe_text",
           .moe = true,
           .qk_norm = QkNorm::kPerHead,
           .output_gate = true,
           .shared_gate = true,
           .draft = DraftStyle::kQwen},
    Family{.model_type = "gpt_oss",
           .moe = true,
           .windows = Windows::kPattern,
           .window_pattern = 2,
           .routed_bias = true},
    Family{.model_type = "minimax_m2",
           .moe = true,
           .qk_norm = QkNorm::kPerLayer,
           .router_offset = true,
           .expert_block = "block_sparse_moe"},
    Family{.model_type = "glm4_moe",
           .moe = true,
           .bias_spares_output = true,
           .router_offset = true,
           .draft = DraftStyle::kDeepSeek},
    Family{.model_type = "deepseek_v2", .moe = true, .latent = true},
    Family{.model_type = "deepseek_v3",
           .moe = true,
           .latent = true,
           .router_offset = true,
           .draft = DraftStyle::kDeepSeek},
    Family{.model_type = "kimi_k2",
           .moe = true,
           .latent = true,
           .router_offset = true,
           .draft = DraftStyle::kDeepSeek},
    Family{.model_type = "gemma2",
           .windows = Windows::kPattern,
           .window_pattern = 2,
           .four_norms = true,
           .tied = true},
    Family{.model_type = "gemma3_text",
           .qk_norm = QkNorm::kPerHead,
           .windows = Windows::kPattern,
           .window_pattern = 6,
           .four_norms = true,
           .tied = true},
};

/// Fields of structures that change the weights, the KV cache or the messages and that nothing here
/// prices: state-space layers, parallel blocks, sparse attention, layers that share or widen a KV
/// cache, experts of another kind.
constexpr std::array<std::string_view, 24> kNotUnderstood = {"ssm_state_size",
                                                             "mamba_d_state",
                                                             "mamba_num_heads",
                                                             "hybrid_override_pattern",
                                                             "state_size",
                                                             "time_step_rank",
                                                             "parallel_attn",
                                                             "block_configs",
                                                             "num_kv_shared_layers",
                                                             "hidden_size_per_layer_input",
                                                             "index_topk",
                                                             "index_n_heads",
                                                             "attention_chunk_size",
                                                             "interleave_moe_layer_step",
                                                             "hybrid_layer_pattern",
                                                             "swa_num_key_value_heads",
                                                             "num_global_key_value_heads",
                                                             "global_head_dim",
                                                             "attention_k_eq_v",
                                                             "linear_attn_config",
                                                             "zero_expert_num",
                                                             "compress_ratios",
                                                             "cross_attention_layers",
                                                             "mlp_layer_types"};

/// Fields of latent attention: for families that have it.
constexpr std::array<std::string_view, 3> kLatentFields = {"kv_lora_rank", "q_lora_rank",
                                                           "qk_rope_head_dim"};

/// Families also carry fields of structures that they switch off.
bool is_used(const ConfigFields& fields, std::string_view field) {
  const auto* const value = fields.find(field);
  return value != nullptr && *value != 0 && *value != false && !value->empty();
}

}  // namespace

const Family& family_of(const ConfigFields& fields) {
  for (const auto field : kNotUnderstood) {
    if (is_used(fields, field)) {
      fields.fail(field, "not understood, so this model cannot be priced");
    }
  }
  const auto type = fields.text("model_type");
  const auto* const found = std::ranges::find(kFamilies, type, &Family::model_type);
  if (found == kFamilies.end()) {
    std::vector<std::string_view> names;
    names.reserve(kFamilies.size());
    for (const auto& family : kFamilies) names.push_back(family.model_type);
    fields.fail("model_type",
                fmt::format("'{}' is not understood (only {})", type, fmt::join(names, ", ")));
  }
  for (const auto field : kLatentFields) {
    if (!found->latent && fields.has(field)) {
      fields.fail(field, fmt::format("not understood in model_type {}", type));
    }
  }
  return *found;
}

std::uint64_t first_count(const ConfigFields& fields, std::initializer_list<std::string_view> names,
                          std::uint64_t largest) {
  for (const auto name : names) {
    if (fields.has(name)) return fields.count(name, largest);
  }
  return fields.count(*names.begin(), largest);
}

}  // namespace wiretax
