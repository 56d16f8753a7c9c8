// Families of models: parameters, KV cache and draft layers, counted by hand.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "configs.h"
#include "report/catalogue.h"
#include "report/model.h"

namespace wiretax {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Json = nlohmann::json;

/// Six layers; q 8x8, k and v 8x4, output 8x8: 192 weights of attention each.
Json shape(const char* model_type) {
  return {{"model_type", model_type}, {"num_hidden_layers", 6},   {"hidden_size", 8},
          {"num_attention_heads", 4}, {"num_key_value_heads", 2}, {"head_dim", 2},
          {"intermediate_size", 16},  {"vocab_size", 32}};
}

/// The same with latent attention: 4 heads of 3 + 2 for queries, 6 for values.
Json latent(const char* model_type) {
  auto config = shape(model_type);
  config.update({{"num_key_value_heads", 4},
                 {"q_lora_rank", 5},
                 {"kv_lora_rank", 7},
                 {"qk_nope_head_dim", 3},
                 {"qk_rope_head_dim", 2},
                 {"v_head_dim", 6},
                 {"n_routed_experts", 4},
                 {"num_experts_per_tok", 2},
                 {"n_shared_experts", 2},
                 {"moe_intermediate_size", 3},
                 {"first_k_dense_replace", 1},
                 {"moe_layer_freq", 1}});
  config.erase("head_dim");
  return config;
}

TEST(Families, LatentAttentionByHand) {
  const auto model = read(latent("deepseek_v3"));
  EXPECT_THAT(model.notes, ElementsAre(HasSubstr("engines keep them whole on each machine")));
  const double one = 8 * 5 + 5 * 4 * (3 + 2) + 8 * (7 + 2) + 7 * 4 * (3 + 6) + 4 * 6 * 8;
  EXPECT_DOUBLE_EQ(model.parameters.attention, 6 * one);
  EXPECT_DOUBLE_EQ(model.parameters.norms, 13 * 8 + 6 * (5 + 7));
  EXPECT_DOUBLE_EQ(model.parameters.ffn, 3 * 8 * 16);
  EXPECT_DOUBLE_EQ(model.parameters.experts, 5 * 4 * 3 * 8 * 3);
  EXPECT_DOUBLE_EQ(model.parameters.shared_expert, 5 * 3 * 8 * (2 * 3));
  EXPECT_DOUBLE_EQ(model.parameters.router, 5 * 4 * (8 + 1));  // with a correction per expert
  EXPECT_DOUBLE_EQ(model.kv_bytes_per_token(), 6 * (7 + 2) * 2);
  EXPECT_DOUBLE_EQ(model.kv_bytes(10), 10 * 6 * (7 + 2) * 2);
  EXPECT_DOUBLE_EQ(model.kv_share(2), 1);
  EXPECT_EQ(model.draft.modules, 0U);
}

TEST(Families, LatentAttentionWithoutANarrowQuery) {
  auto config = latent("deepseek_v2");
  config["q_lora_rank"] = nullptr;
  const auto model = read(config);
  EXPECT_DOUBLE_EQ(model.parameters.attention,
                   6 * (8 * 4 * 5 + 8 * (7 + 2) + 7 * 4 * (3 + 6) + 4 * 6 * 8));
  EXPECT_DOUBLE_EQ(model.parameters.router, 5 * 4 * 8);  // no correction in V2
}

TEST(Families, ADraftPassReadsOneModuleAndTheHead) {
  auto config = latent("deepseek_v3");
  config["num_nextn_predict_layers"] = 2;
  const auto model = read(config);
  const auto without = read(latent("deepseek_v3"));
  EXPECT_DOUBLE_EQ(model.parameters.total(), without.parameters.total());
  EXPECT_EQ(model.draft.modules, 2U);
  // A layer with experts: attention 656, experts 288, shared 144, router 36, norms 2 x 8 + 12;
  // before it a 16x8 projection, around it three norms.
  const double fixed = 656 + 144 + 36 + 28 + 16 * 8 + 3 * 8;
  EXPECT_DOUBLE_EQ(model.draft.parameters.total(), 2 * (fixed + 288));
  // Two of four experts; the head is 32 x 8.
  EXPECT_DOUBLE_EQ(model.draft_weight_bytes(1, 1), 2 * (fixed + 288 / 2.0 + 256));
  EXPECT_DOUBLE_EQ(model.draft_weight_bytes(2, 1), 2 * (fixed + 288 * .75 + 256));
  EXPECT_DOUBLE_EQ(model.draft_kv_bytes(10), 10 * 9 * 2);
  EXPECT_DOUBLE_EQ(model.draft_resident_bytes(), 2 * 2 * (fixed + 288));
  EXPECT_DOUBLE_EQ(without.draft_weight_bytes(1, 1), 0);
}

TEST(Families, DraftsThatAreNotUnderstoodAreLeftOutAndSaid) {
  auto config = shape("llama");
  config["num_nextn_predict_layers"] = 1;
  EXPECT_THAT(read(config).notes, ElementsAre(HasSubstr("draft layers are not understood")));
  EXPECT_EQ(read(config).draft.modules, 0U);
  // Its config.json speaks of three, its published weights (228.69 B) have none.
  EXPECT_THAT(find_model("MiniMax-M2.7").notes, ElementsAre(HasSubstr("its 3 draft layers")));
}

TEST(Families, ALayerListDecidesWhereWindowsAre) {
  auto config = shape("llama");
  config["sliding_window"] = 4;
  config["layer_types"] = {"sliding_attention", "sliding_attention", "full_attention",
                           "sliding_attention", "sliding_attention", "full_attention"};
  const auto model = read(config);
  EXPECT_EQ(model.kv_layers, 6U);
  EXPECT_EQ(model.sliding_layers, 4U);
  EXPECT_EQ(model.window, 4U);
  // K and V, two heads of two values, two bytes: 16 bytes a layer and token.
  EXPECT_DOUBLE_EQ(model.kv_bytes_per_token(), 6 * 16);
  EXPECT_DOUBLE_EQ(model.kv_bytes(3), 3 * 6 * 16);
  EXPECT_DOUBLE_EQ(model.kv_bytes(100), (2 * 100 + 4 * 4) * 16);
  config.erase("sliding_window");
  EXPECT_THAT(reason_of(config), HasSubstr("sliding_window: missing"));
}

struct Windowed {
  const char* model_type;
  Json fields;
  std::uint64_t sliding;  // of six layers
};

TEST(Families, WithoutALayerListTheFamilyDecides) {
  const std::vector<Windowed> cases = {
      {"mistral", {{"sliding_window", 4}}, 6},
      {"mistral", {{"sliding_window", nullptr}}, 0},
      {"qwen2", {{"sliding_window", 4}}, 0},  // use_sliding_window is false where it is missing
      {"qwen2", {{"sliding_window", 4}, {"use_sliding_window", true}, {"max_window_layers", 4}}, 2},
      {"qwen2", {{"sliding_window", 4}, {"use_sliding_window", true}}, 0},  // from layer 28 on
      {"gemma2", {{"sliding_window", 4}}, 3},
      {"gemma3_text", {{"sliding_window", 4}}, 5},
      {"gemma3_text", {{"sliding_window", 4}, {"sliding_window_pattern", 3}}, 4},
      {"phi3", {{"sliding_window", 4}}, 6},
  };
  for (const auto& one : cases) {
    auto config = shape(one.model_type);
    config.update(one.fields);
    EXPECT_EQ(read(config).sliding_layers, one.sliding) << config;
  }
}

// gpt-oss-120b at 1024 tokens: 18 layers hold 1024 and 18 hold 128, each 2 x 8 x 64 x 2 bytes.
TEST(Families, GptOssHoldsAWindowInEveryOtherLayer) {
  EXPECT_DOUBLE_EQ(find_model("gpt-oss-120b").kv_bytes(1024), 18 * (1024 + 128) * 2048.0);
}

TEST(Families, GemmaHasFourNormsAndATiedHead) {
  auto config = shape("gemma2");
  config["sliding_window"] = 4;
  const auto gemma2 = read(config);
  EXPECT_DOUBLE_EQ(gemma2.parameters.lm_head, 0);
  EXPECT_DOUBLE_EQ(gemma2.parameters.norms, (4 * 6 + 1) * 8);
  config["model_type"] = "gemma3_text";
  EXPECT_DOUBLE_EQ(read(config).parameters.norms, (4 * 6 + 1) * 8 + 6 * 2 * 2);
}

TEST(Families, AWrapperIsPricedAsItsLanguageModel) {
  const Json wrapper = {{"model_type", "mistral3"},
                        {"text_config", shape("mistral")},
                        {"vision_config", {{"hidden_size", 64}}}};
  const auto model = read(wrapper);
  EXPECT_DOUBLE_EQ(model.parameters.total(), read(shape("mistral")).parameters.total());
  EXPECT_THAT(model.notes, ElementsAre(HasSubstr("only the language model is counted")));
  EXPECT_THAT(read(shape("mistral")).notes, IsEmpty());
}

TEST(Families, FieldsOfStructuresThatAreSwitchedOffDoNotMatter) {
  auto config = shape("llama");
  config.update(
      {{"num_kv_shared_layers", 0}, {"parallel_attn", false}, {"block_configs", nullptr}});
  EXPECT_EQ(reason_of(config), "no error");
  config["num_kv_shared_layers"] = 2;
  EXPECT_THAT(reason_of(config), HasSubstr("num_kv_shared_layers: not understood"));
}

TEST(Families, LatentAttentionNeedsItsFields) {
  for (const auto* const field :
       {"kv_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim"}) {
    auto config = latent("kimi_k2");
    config.erase(field);
    EXPECT_THAT(reason_of(config), HasSubstr(std::string(field) + ": missing"));
  }
}

}  // namespace
}  // namespace wiretax
