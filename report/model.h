#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace wiretax {

/// One number for each part of a model: its parameters (exact in a double), or the bits of one.
struct PerPart {
  double attention = 0;  // softmax attention, latent attention too
  double linear_attention = 0;
  double ffn = 0;            // dense layers
  double experts = 0;        // all routed ones
  double shared_expert = 0;  // what every token passes beside them
  double router = 0;
  double embedding = 0;
  double lm_head = 0;  // parameters: 0 where it is the embedding
  double norms = 0;

  [[nodiscard]] double total() const;

  bool operator==(const PerPart&) const = default;
};

struct Part {
  const char* name;
  double PerPart::*value;
};

inline constexpr std::array kParts = {Part{"attention", &PerPart::attention},
                                      Part{"linear_attention", &PerPart::linear_attention},
                                      Part{"ffn", &PerPart::ffn},
                                      Part{"experts", &PerPart::experts},
                                      Part{"shared_expert", &PerPart::shared_expert},
                                      Part{"router", &PerPart::router},
                                      Part{"embedding", &PerPart::embedding},
                                      Part{"lm_head", &PerPart::lm_head},
                                      Part{"norms", &PerPart::norms}};

/// The same bits for every part.
PerPart uniform_bits(double bits);

/// How many bits a parameter of each part takes in memory, its scales included.
struct Quantisation {
  std::string name;    // "fp8"; "fp8+nvfp4" where a file mixes them
  std::string origin;  // who says so: "asked for (fp8)", or a field of a file
  PerPart bits = uniform_bits(16);
};

/// "bf16", "fp8", "mxfp4" or "nvfp4", with the bits of cost-model, section 3: router, norms and
/// embedding have 16 in every one. Throws UnknownName.
Quantisation find_quantisation(std::string_view name);

/// Layers that guess the tokens after the next one (multi-token prediction). They share embedding
/// and head with the model, and are in none of its totals.
struct Draft {
  std::uint64_t modules = 0;  // 0 without; each guesses one token further, or the only one goes on
  std::uint64_t layers = 0;   // of all modules, each with its KV cache
  PerPart parameters;         // of all modules
  PerPart bits = uniform_bits(16);
};

/// What the cost of a decode step needs to know of a transformer.
struct Model {
  std::string name;
  std::string source;              // where its config.json comes from
  bool derived = false;            // its own config.json was not seen: taken from the named source
  std::vector<std::string> notes;  // what was assumed, or left out, when it was read
  Quantisation quant;

  std::uint64_t layers = 0;
  std::uint64_t hidden = 0;
  std::uint64_t heads = 0;
  std::uint64_t kv_heads = 0;
  std::uint64_t head_dim = 0;
  std::uint64_t latent_dim = 0;  // one KV vector for all heads (MLA); 0: keys and values per head
  std::uint64_t vocabulary = 0;
  std::uint64_t kv_layers = 0;       // layers with a KV cache
  std::uint64_t sliding_layers = 0;  // of those, how many keep no more than a window
  std::uint64_t window = 0;          // tokens; 0 caps nothing
  std::uint64_t linear_heads = 0;    // key heads of linear attention, 0 without
  double state_bytes = 0;            // of linear attention: one sequence, all layers and ranks
  double kv_bits = 16;
  std::uint64_t experts = 0;            // 0 in a dense model
  std::uint64_t experts_per_token = 0;  // routed ones
  std::uint64_t sparse_layers = 0;      // layers that have them
  PerPart parameters;
  Draft draft;

  [[nodiscard]] bool is_moe() const { return experts > 0; }
  /// Parameters that one token multiplies with: no embedding, only the routed experts.
  [[nodiscard]] double active_parameters() const;
  /// Share of the experts that `tokens` together need. gamma 1 is uniform routing, an upper bound;
  /// routing in practice overlaps more, down to about .5.
  [[nodiscard]] double coverage(double tokens, double gamma) const;
  /// Weight bytes read by one step of `tokens` tokens, on all ranks together.
  [[nodiscard]] double weight_bytes(double tokens, double gamma) const;
  /// What those are made of: the layers without their routed experts, the experts were all of them
  /// needed, and the matrix that makes the logits, wherever it is stored.
  [[nodiscard]] double layer_bytes() const;
  [[nodiscard]] double expert_bytes() const;
  [[nodiscard]] double head_bytes() const;
  [[nodiscard]] double embedding_bytes() const;
  /// Weight bytes in memory, the embedding included, the draft not.
  [[nodiscard]] double resident_bytes() const;

  /// KV bytes that one more token of context adds while it is inside every window.
  [[nodiscard]] double kv_bytes_per_token() const;
  /// KV bytes of one sequence, on all ranks together.
  [[nodiscard]] double kv_bytes(double context) const;
  /// What one sequence keeps in memory: KV cache and state.
  [[nodiscard]] double sequence_bytes(double context) const;
  /// What one step moves for one sequence: the cache is read, the state read and written.
  [[nodiscard]] double sequence_traffic(double context) const;
  /// Share of the KV cache on one of `ranks` tensor-parallel ranks: no less than a head, and all
  /// of a latent one. Linear attention's state is split evenly.
  [[nodiscard]] double kv_share(std::uint64_t ranks) const;

  /// Weight bytes read by one draft pass that guesses one token for each of `tokens`: one module
  /// and the head. 0 without a draft.
  [[nodiscard]] double draft_weight_bytes(double tokens, double gamma) const;
  /// Those of one module without its head, its routed experts apart.
  [[nodiscard]] double draft_layer_bytes() const;
  [[nodiscard]] double draft_expert_bytes() const;
  /// KV bytes that the module of one draft pass reads for one sequence.
  [[nodiscard]] double draft_kv_bytes(double context) const;
  /// Weight bytes that the draft adds in memory.
  [[nodiscard]] double draft_resident_bytes() const;
};

/// Reads a Hugging Face config.json, also with the text model nested in text_config. Throws
/// InputError: one line with `origin`, the field and what is wrong with it. What it does not
/// understand it refuses, so no model is silently wrong. Without a quant the file's
/// quantization_config decides, then `hf_quant_config`, ModelOpt's file of that name (its text, or
/// empty), then bf16.
Model parse_model(std::string_view config_json, std::string_view origin,
                  std::string_view quant = {}, std::string_view hf_quant_config = {});
/// With the hf_quant_config.json beside it, where there is one.
Model read_model(const std::filesystem::path& path, std::string_view quant = {});

}  // namespace wiretax
