// Real models have the parameters that their publishers state, most to the last one.

#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>

#include "report/catalogue.h"
#include "report/model.h"
#include "report/traffic.h"

namespace wiretax {
namespace {

using Json = nlohmann::json;

Model read(const Json& config) { return parse_model(config.dump(), "config.json"); }

struct Published {
  const char* name;
  Json config;
  double parameters;
};

// Counts of the safetensors files, as Hugging Face shows them.
TEST(PublishedSizes, OfDenseModelsAndExperts) {
  const auto config = [](const char* type, std::array<int, 7> size) {
    return Json{{"model_type", type},
                {"num_hidden_layers", size[0]},
                {"hidden_size", size[1]},
                {"num_attention_heads", size[2]},
                {"num_key_value_heads", size[3]},
                {"head_dim", size[4]},
                {"intermediate_size", size[5]},
                {"vocab_size", size[6]},
                {"sliding_window", 4096}};
  };
  const std::vector<Published> models = {
      {"gemma-2-9b", config("gemma2", {42, 3584, 16, 8, 256, 14336, 256000}), 9'241'705'984},
      {"gemma-2-2b", config("gemma2", {26, 2304, 8, 4, 256, 9216, 256000}), 2'614'341'888},
      {"gemma-3-1b", config("gemma3_text", {26, 1152, 4, 1, 256, 6912, 262144}), 999'885'952},
      {"Phi-3-mini", config("phi3", {32, 3072, 32, 32, 96, 8192, 32064}), 3'821'079'552},
      {"Mistral-7B", config("mistral", {32, 4096, 32, 8, 128, 14336, 32000}), 7'241'732'096},
      {"Qwen2.5-7B", config("qwen2", {28, 3584, 28, 4, 128, 18944, 152064}), 7'615'616'512},
  };
  for (const auto& one : models) {
    EXPECT_DOUBLE_EQ(read(one.config).parameters.total(), one.parameters) << one.name;
  }
  auto granite = config("granite", {40, 4096, 32, 8, 128, 12800, 49155});  // 3.1-8b
  granite.erase("sliding_window");
  granite["tie_word_embeddings"] = true;
  EXPECT_DOUBLE_EQ(read(granite).parameters.total(), 8'170'848'256);
  auto experts = config("qwen2_moe", {24, 2048, 16, 16, 128, 5632, 151936});  // Qwen1.5-A2.7B
  experts.update({{"num_experts", 60},
                  {"num_experts_per_tok", 4},
                  {"moe_intermediate_size", 1408},
                  {"shared_expert_intermediate_size", 5632}});
  EXPECT_DOUBLE_EQ(read(experts).parameters.total(), 14'315'784'192);
}

// These files hold the draft as well: Qwen's shares embedding and head, GLM's repeats both.
TEST(PublishedSizes, WithDrafts) {
  const auto next = read({{"model_type", "qwen3_next"},
                          {"num_hidden_layers", 48},
                          {"hidden_size", 2048},
                          {"num_attention_heads", 16},
                          {"num_key_value_heads", 2},
                          {"head_dim", 256},
                          {"num_experts", 512},
                          {"num_experts_per_tok", 10},
                          {"moe_intermediate_size", 512},
                          {"shared_expert_intermediate_size", 512},
                          {"linear_num_key_heads", 16},
                          {"linear_num_value_heads", 32},
                          {"linear_key_head_dim", 128},
                          {"linear_value_head_dim", 128},
                          {"linear_conv_kernel_dim", 4},
                          {"full_attention_interval", 4},
                          {"vocab_size", 151936},
                          {"mtp_num_hidden_layers", 1}});
  EXPECT_DOUBLE_EQ(next.parameters.total() + next.draft.parameters.total(), 81'324'862'720);
  const auto glm = read({{"model_type", "glm4_moe"},
                         {"num_hidden_layers", 46},
                         {"hidden_size", 4096},
                         {"num_attention_heads", 96},
                         {"num_key_value_heads", 8},
                         {"head_dim", 128},
                         {"attention_bias", true},
                         {"intermediate_size", 10944},
                         {"moe_intermediate_size", 1408},
                         {"n_routed_experts", 128},
                         {"n_shared_experts", 1},
                         {"num_experts_per_tok", 8},
                         {"first_k_dense_replace", 1},
                         {"vocab_size", 151552},
                         {"num_nextn_predict_layers", 1}});
  EXPECT_DOUBLE_EQ(
      glm.parameters.total() + glm.draft.parameters.total() + 2 * glm.parameters.embedding,
      110'468'824'832);
}

// Published: DeepSeek-V2-Lite has 15,706,484,224 parameters in its safetensors.
TEST(PublishedSizes, DeepSeekV2LiteHasItsPublishedSize) {
  const auto model = read({{"model_type", "deepseek_v2"},
                           {"num_hidden_layers", 27},
                           {"hidden_size", 2048},
                           {"num_attention_heads", 16},
                           {"num_key_value_heads", 16},
                           {"kv_lora_rank", 512},
                           {"qk_nope_head_dim", 128},
                           {"qk_rope_head_dim", 64},
                           {"v_head_dim", 128},
                           {"intermediate_size", 10944},
                           {"moe_intermediate_size", 1408},
                           {"n_routed_experts", 64},
                           {"num_experts_per_tok", 6},
                           {"n_shared_experts", 2},
                           {"first_k_dense_replace", 1},
                           {"moe_layer_freq", 1},
                           {"topk_method", "greedy"},
                           {"vocab_size", 102400},
                           {"tie_word_embeddings", false},
                           {"q_lora_rank", nullptr}});
  EXPECT_DOUBLE_EQ(model.parameters.total(), 15'706'484'224);
}

TEST(PublishedSizes, DeepSeekV3AndItsDraftHaveTheirPublishedSize) {
  const auto model = find_model("DeepSeek-V3");
  // The repository states 671 B for the model and 14 B for the draft, with its copies of embedding
  // and head, 684.5 B in all; the scales of the blocks are 0.04 B of those.
  EXPECT_NEAR(model.parameters.total() / 1e9, 671.03, 0.01);
  EXPECT_EQ(model.draft.modules, 1U);
  const double copies = 2 * 129'280.0 * 7168;
  EXPECT_NEAR((model.parameters.total() + model.draft.parameters.total() + copies) / 1e9, 684.49,
              0.01);
  EXPECT_NEAR(model.kv_bytes_per_token() / 1024, 68.6, 0.05);
  EXPECT_DOUBLE_EQ(model.kv_share(2), 1);
  const auto messages = tensor_parallel_messages(model, 2, 1);
  EXPECT_EQ(messages[0].count + messages[1].count, 123U);
  EXPECT_EQ(messages[0].bytes, 14'336U);
  EXPECT_EQ(messages[2].bytes, 258'560U);
}

// cost-model, section 4: no machine of 273 GB/s can be faster than reading the weights.
TEST(Ceilings, OfTheTwoSparks) {
  const double rate = 273e9;
  const auto qwen = find_model("Qwen3.6-27B-FP8");
  EXPECT_NEAR(rate / qwen.weight_bytes(1, 1), 10.15, 0.005);
  EXPECT_NEAR(2 * rate / qwen.weight_bytes(1, 1), 20.3, 0.01);
  EXPECT_NEAR(find_model("gpt-oss-120b").resident_bytes() / 1e9, 65, 0.5);  // fits in 128 GB
  EXPECT_LT(find_model("Qwen3.5-122B-A10B:nvfp4").resident_bytes(), 128e9);
  EXPECT_GT(find_model("MiniMax-M2.7:nvfp4").resident_bytes(), 128e9);
  EXPECT_GT(find_model("DeepSeek-V3").resident_bytes(), 2 * 128e9);
}

}  // namespace
}  // namespace wiretax
