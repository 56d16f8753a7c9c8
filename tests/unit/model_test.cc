#include "report/model.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "configs.h"
#include "report/catalogue.h"

namespace wiretax {
namespace {

using Json = nlohmann::json;

// cost-model, section 2: total and matmul-active parameters in 10^9, KV KiB per token.
struct TableRow {
  const char* file;
  double total;
  double active;
  double kv_kib;
};

void PrintTo(const TableRow& row, std::ostream* out) { *out << row.file; }

class ModelTable : public testing::TestWithParam<TableRow> {};

TEST_P(ModelTable, AgreesWithThePublicTotals) {
  const auto& row = GetParam();
  const auto model = read_model(real_config(row.file), "bf16");
  EXPECT_NEAR(model.parameters.total() / 1e9, row.total, row.total * 0.005);
  EXPECT_NEAR(model.active_parameters() / 1e9, row.active, row.active * 0.005);
  EXPECT_DOUBLE_EQ(model.kv_bytes_per_token() / 1024, row.kv_kib);
}

INSTANTIATE_TEST_SUITE_P(
    Files, ModelTable,
    testing::Values(TableRow{"meta-llama--Meta-Llama-3.1-8B.json", 8.030, 7.505, 128},
                    TableRow{"meta-llama--Meta-Llama-3.1-70B.json", 70.55, 69.50, 320},
                    TableRow{"meta-llama--Llama-3.3-70B-Instruct.json", 70.55, 69.50, 320},
                    TableRow{"Qwen--Qwen3-32B.json", 32.76, 31.98, 256},
                    TableRow{"Qwen--Qwen3-32B-FP8.json", 32.76, 31.98, 256},
                    TableRow{"Qwen--Qwen3.5-27B.json", 26.90, 25.62, 64},
                    TableRow{"nvidia--Qwen3.6-27B-NVFP4.json", 26.90, 25.62, 64},
                    TableRow{"openai--gpt-oss-20b.json", 20.91, 3.61, 48},
                    TableRow{"openai--gpt-oss-120b.json", 116.79, 5.13, 72},
                    TableRow{"Qwen--Qwen3-30B-A3B.json", 30.53, 3.04, 96},
                    TableRow{"Qwen--Qwen3.5-35B-A3B.json", 34.66, 2.95,
                             20},  // 10 x 2 x 2 x 256 x 2
                    TableRow{"Qwen--Qwen3.5-122B-A10B.json", 122.1, 9.01, 24},
                    TableRow{"deepseek-ai--DeepSeek-V3.json", 671.0, 36.6, 61 * 576 * 2 / 1024.0},
                    TableRow{"MiniMaxAI--MiniMax-M2.7.json", 228.69, 10.41, 248}));

TEST(Model, DerivedCatalogueEntriesAgreeWithTheTableToo) {
  const auto mistral = find_model("Mistral-Small-3.1-24B");
  EXPECT_TRUE(mistral.derived);
  EXPECT_DOUBLE_EQ(mistral.parameters.total(), 23'572'403'200);  // public count of the text model
  EXPECT_NEAR(mistral.active_parameters() / 1e9, 22.9, 0.005 * 22.9);
  EXPECT_DOUBLE_EQ(mistral.kv_bytes_per_token(), 160 * 1024);
  EXPECT_NEAR(find_model("Qwen3-Coder-30B-A3B").parameters.total() / 1e9, 30.53, 0.15);
  EXPECT_NEAR(find_model("Llama-3.3-70B").parameters.total() / 1e9, 70.55, 0.35);
}

TEST(Model, CountsADenseModelByHand) {
  const auto model = parse_model(small_dense().dump(), "config.json");
  // head_dim is 8 / 4 = 2: q 8x8, k and v 8x4 each, output 8x8, in each of two layers.
  EXPECT_DOUBLE_EQ(model.parameters.attention, 2 * (64 + 32 + 32 + 64));
  EXPECT_DOUBLE_EQ(model.parameters.ffn, 2 * 3 * 8 * 16);
  EXPECT_DOUBLE_EQ(model.parameters.embedding, 32 * 8);
  EXPECT_DOUBLE_EQ(model.parameters.lm_head, 32 * 8);
  EXPECT_DOUBLE_EQ(model.parameters.norms, (2 * 2 + 1) * 8);
  EXPECT_DOUBLE_EQ(model.parameters.total(), 384 + 768 + 256 + 256 + 40);
  EXPECT_DOUBLE_EQ(model.active_parameters(), 384 + 768 + 256);
  EXPECT_DOUBLE_EQ(model.weight_bytes(7, 1), 2 * (384 + 768 + 256 + 40));
  EXPECT_DOUBLE_EQ(model.resident_bytes(), 2 * model.parameters.total());
  EXPECT_DOUBLE_EQ(model.kv_bytes_per_token(),
                   2 * 2 * (2 * 2) * 2);  // K and V, layers, heads, bf16
}

TEST(Model, QuantisationChangesOnlyItsParts) {
  const auto model = parse_model(small_dense().dump(), "config.json", "mxfp4");
  const double bits = 384 * 16.0 + 768 * 4.25 + 256 * 16.0 + 40 * 16.0;
  EXPECT_DOUBLE_EQ(model.weight_bytes(1, 1), bits / 8);
  EXPECT_DOUBLE_EQ(model.resident_bytes(), bits / 8 + 256 * 2);
}

TEST(Model, ATiedHeadIsReadButNotStoredTwice) {
  auto config = small_dense();
  config["tie_word_embeddings"] = true;
  const auto model = parse_model(config.dump(), "config.json");
  EXPECT_DOUBLE_EQ(model.parameters.lm_head, 0);
  EXPECT_DOUBLE_EQ(model.weight_bytes(1, 1), 2 * (384 + 768 + 256 + 40));
  EXPECT_DOUBLE_EQ(model.resident_bytes(), 2 * (384 + 768 + 256 + 40));
}

TEST(Model, CountsAMixtureOfExpertsByHand) {
  const auto model = parse_model(small_moe().dump(), "config.json");
  EXPECT_DOUBLE_EQ(model.parameters.experts, 2 * 4 * (3 * 8 * 6));
  EXPECT_DOUBLE_EQ(model.parameters.router, 2 * 4 * 8);
  EXPECT_DOUBLE_EQ(model.parameters.ffn, 0);
  EXPECT_DOUBLE_EQ(model.parameters.norms, 5 * 8 + 2 * 2 * 2);  // and q and k of each layer
  EXPECT_DOUBLE_EQ(model.active_parameters(), 384 + 1152 * 2 / 4.0 + 64 + 256);
}

TEST(Model, OneTokenReadsItsTopExpertsAndManyReadMore) {
  const auto model = parse_model(small_moe().dump(), "config.json");
  EXPECT_DOUBLE_EQ(model.coverage(1, 1), 0.5);
  EXPECT_DOUBLE_EQ(model.coverage(1, 0.5), 0.5);
  EXPECT_DOUBLE_EQ(model.coverage(2, 1), 0.75);
  EXPECT_DOUBLE_EQ(model.coverage(3, 0.5), 0.75);  // gamma .5: as if only half of the rest were new
  const double fixed_part = 384 + 64 + 48 + 256;
  EXPECT_DOUBLE_EQ(model.weight_bytes(2, 1), 2 * (fixed_part + 0.75 * 1152));
}

TEST(Model, CoverageOfGptOssMatchesThePublishedVectors) {
  const auto model = read_model(real_config("openai--gpt-oss-120b.json"));
  EXPECT_NEAR(model.coverage(32, 1), .638, .0005);
  EXPECT_NEAR(model.coverage(128, 1), .983, .0005);
}

TEST(Model, DenseLayersAndSharedExpertsAreCounted) {
  auto config = small_moe();
  config["model_type"] = "glm4_moe";
  config.erase("num_experts");
  config["n_routed_experts"] = 4;
  config["first_k_dense_replace"] = 1;
  config["n_shared_experts"] = 2;
  const auto model = parse_model(config.dump(), "config.json");
  EXPECT_DOUBLE_EQ(model.parameters.ffn, 3 * 8 * 16);
  EXPECT_DOUBLE_EQ(model.parameters.experts, 4 * 3 * 8 * 6);
  EXPECT_DOUBLE_EQ(model.parameters.shared_expert, 3 * 8 * (2 * 6));
  EXPECT_DOUBLE_EQ(model.parameters.router, 4 * (8 + 1));
}

TEST(Model, MlpOnlyLayersAndSparseStepDecideWhichLayersAreDense) {
  auto config = small_moe();
  config["mlp_only_layers"] = {0};
  EXPECT_DOUBLE_EQ(parse_model(config.dump(), "c").parameters.experts, 576);
  config["mlp_only_layers"] = Json::array();
  config["decoder_sparse_step"] = 2;  // layers 2, 4, ... counted from 1
  EXPECT_DOUBLE_EQ(parse_model(config.dump(), "c").parameters.experts, 576);
  EXPECT_DOUBLE_EQ(parse_model(config.dump(), "c").parameters.ffn, 384);
}

TEST(Model, LinearAttentionHasWeightsButNoGrowingCache) {
  auto config = small_dense();
  config.update({{"model_type", "qwen3_5_text"},
                 {"layer_types", {"linear_attention", "full_attention"}},
                 {"linear_num_key_heads", 2},
                 {"linear_num_value_heads", 4},
                 {"linear_key_head_dim", 2},
                 {"linear_value_head_dim", 3},
                 {"linear_conv_kernel_dim", 4}});
  const auto model = parse_model(Json{{"text_config", config}}.dump(), "config.json");
  // q and k 4 wide, v and z 12 wide, b and a 4 wide; convolution over 20; A and dt; output 12 x 8.
  EXPECT_DOUBLE_EQ(model.parameters.linear_attention,
                   8 * (4 + 4 + 12 + 12 + 4 + 4) + 20 * 4 + 8 + 12 * 8);
  EXPECT_DOUBLE_EQ(model.parameters.attention, 8 * (16 + 4 + 4) + 8 * 8);  // q is gated: twice
  EXPECT_EQ(model.kv_layers, 1U);
  EXPECT_EQ(model.linear_heads, 2U);
  // A 2x3 matrix in float32 for each of 4 value heads, and 3 inputs of 20 channels in bf16.
  EXPECT_DOUBLE_EQ(model.state_bytes, 4 * 2 * 3 * 4 + 3 * 20 * 2);
  EXPECT_DOUBLE_EQ(model.sequence_bytes(10), 10 * 2 * 4 * 2 + 216);
  EXPECT_DOUBLE_EQ(model.sequence_traffic(10), 10 * 2 * 4 * 2 + 2 * 216);
}

TEST(Model, TheStateOfLinearAttentionIsPublished) {
  const auto model = read_model(real_config("Qwen--Qwen3.5-27B.json"));
  // cost-model, section 2: 48 layers x 48 heads x 128 x 128 x 4 bytes, and the convolution's
  // inputs.
  EXPECT_DOUBLE_EQ(model.state_bytes, 48 * (48.0 * 128 * 128 * 4 + 3 * 10'240 * 2));
}

}  // namespace
}  // namespace wiretax
