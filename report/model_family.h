#pragma once

// What a family of models has that its config.json does not say. Field names are those of
// transformers' configuration classes; shapes and names of weights those of its modeling files.

#include <initializer_list>
#include <string_view>

#include "report/config_fields.h"
#include "report/model.h"

namespace wiretax {

enum class QkNorm { kNone, kPerHead, kPerLayer };
/// Which layers a sliding_window concerns where no layer_types say so: all, those from
/// max_window_layers on, or all but every n-th.
enum class Windows { kAll, kUpper, kPattern };
/// How the hidden state and the guessed token's embedding enter a draft module.
enum class DraftStyle { kNone, kDeepSeek, kQwen };

struct Family {
  std::string_view model_type;
  bool moe = false;
  bool latent = false;  // multi-head latent attention
  QkNorm qk_norm = QkNorm::kNone;
  Windows windows = Windows::kAll;
  std::uint64_t window_pattern = 0;  // kPattern: every n-th layer is full, unless the file says so
  bool qkv_bias = false;             // whatever attention_bias says
  bool bias_spares_output = false;   // attention_bias means q, k and v only
  bool output_gate = false;          // q_proj makes a gate too
  bool routed_bias = false;          // experts and router have biases, attention has sinks
  bool shared_gate = false;          // a gate vector for the shared expert
  bool router_offset = false;        // one correction per expert
  bool fused = false;                // qkv_proj and gate_up_proj are one matrix each
  bool four_norms = false;           // after attention and FFN too
  bool tied = false;                 // where tie_word_embeddings is missing
  std::string_view expert_block = "mlp";
  DraftStyle draft = DraftStyle::kNone;
};

/// Throws InputError: a model_type, or a field of a structure, that nothing here prices.
const Family& family_of(const ConfigFields& fields);

inline constexpr std::uint64_t kMostLayers = 1000;
inline constexpr std::uint64_t kWidest = 1 << 20;      // hidden sizes, FFN widths, head sizes
inline constexpr std::uint64_t kMostTokens = 1 << 24;  // vocabulary
inline constexpr std::uint64_t kLongestWindow = 1 << 30;
inline constexpr std::uint64_t kMostExperts = 1 << 16;

/// The first of several names of one field; the first is named where all are missing.
std::uint64_t first_count(const ConfigFields& fields, std::initializer_list<std::string_view> names,
                          std::uint64_t largest);

}  // namespace wiretax
