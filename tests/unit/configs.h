#pragma once

// config.json files for tests: made up ones that can be counted by hand, and where the real ones
// are.

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "report/model.h"
#include "report/record.h"

namespace wiretax {

inline Model read(const nlohmann::json& config) {
  return parse_model(config.dump(), "config.json");
}

/// What `call` complains of.
inline std::string reason_of_call(const auto& call) {
  try {
    call();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

inline std::string reason_of(const nlohmann::json& config) {
  return reason_of_call([&] { read(config); });
}

/// Real files of Hugging Face, as ai-dynamo/aiconfigurator at 095f58a and before keeps them.
inline std::filesystem::path real_config(std::string_view file) {
  return std::filesystem::path(WIRETAX_TEST_DATA) / "models" / file;
}

/// Two layers.
inline nlohmann::json small_dense() {
  return {{"model_type", "llama"},    {"num_hidden_layers", 2},      {"hidden_size", 8},
          {"num_attention_heads", 4}, {"num_key_value_heads", 2},    {"intermediate_size", 16},
          {"vocab_size", 32},         {"tie_word_embeddings", false}};
}

inline nlohmann::json small_moe() {
  auto config = small_dense();
  config["model_type"] = "qwen3_moe";
  config["num_experts"] = 4;
  config["num_experts_per_tok"] = 2;
  config["moe_intermediate_size"] = 6;
  return config;
}

}  // namespace wiretax
