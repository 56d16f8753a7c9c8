#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace wiretax {

/// How many bits a parameter of each part takes in memory, its scales included (cost-model, section
/// 3). Router, norms, embedding and KV cache are 16 bits in every one.
struct Quantisation {
  std::string_view name;
  double ffn_bits = 16;        // FFN or experts, the shared expert too
  double attention_bits = 16;  // full and linear attention
  double head_bits = 16;       // the matrix that makes the logits
};

/// "bf16", "fp8", "mxfp4" or "nvfp4". Throws UnknownName.
const Quantisation& find_quantisation(std::string_view name);

/// Parameter counts by part, whole model. Counts are exact in a double.
struct Parameters {
  double attention = 0;
  double linear_attention = 0;
  double ffn = 0;      // dense layers
  double experts = 0;  // all of them
  double router = 0;
  double shared_expert = 0;
  double embedding = 0;
  double lm_head = 0;  // 0 where it is the embedding
  double norms = 0;

  [[nodiscard]] double total() const;
};

/// What the cost of a decode step needs to know of a transformer.
struct Model {
  std::string name;
  std::string source;    // where its config.json comes from
  bool derived = false;  // its own config.json was not seen: taken from the named source
  Quantisation quant;

  std::uint64_t layers = 0;
  std::uint64_t hidden = 0;
  std::uint64_t heads = 0;
  std::uint64_t kv_heads = 0;
  std::uint64_t head_dim = 0;
  std::uint64_t vocabulary = 0;
  std::uint64_t kv_layers = 0;          // layers whose KV cache grows with the context
  std::uint64_t sliding_layers = 0;     // of those, how many have a window (not applied yet)
  std::uint64_t linear_heads = 0;       // key heads of linear attention, 0 without
  std::uint64_t experts = 0;            // 0 in a dense model
  std::uint64_t experts_per_token = 0;  // routed ones
  Parameters parameters;

  [[nodiscard]] bool is_moe() const { return experts > 0; }
  /// Parameters that one token multiplies with: no embedding, only the routed experts.
  [[nodiscard]] double active_parameters() const;
  /// Share of the experts that `tokens` together need. gamma 1 is uniform routing, an upper bound;
  /// routing in practice overlaps more, down to about .5.
  [[nodiscard]] double coverage(double tokens, double gamma) const;
  /// Weight bytes read by one step of `tokens` tokens, on all ranks together.
  [[nodiscard]] double weight_bytes(double tokens, double gamma) const;
  /// Weight bytes in memory, the embedding included.
  [[nodiscard]] double resident_bytes() const;
  /// KV bytes per token of context (bf16), on all ranks together.
  [[nodiscard]] double kv_bytes_per_token() const;
};

/// Reads a Hugging Face config.json, also with the text model nested in text_config. Throws
/// InputError: one line with `origin`, the field and what is wrong with it. What it does not
/// understand it refuses, so no model is silently wrong. Without a quant the file's
/// quantization_config.quant_method decides, and bf16 without one.
Model parse_model(std::string_view config_json, std::string_view origin,
                  std::string_view quant = {});
Model read_model(const std::filesystem::path& path, std::string_view quant = {});

}  // namespace wiretax
