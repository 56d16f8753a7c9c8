#include "report/traffic.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "report/catalogue.h"

namespace wiretax {
namespace {

// cost-model, section 2: all-reduces per token, their bytes at batch 1, and KB of logits.
struct TrafficRow {
  const char* model;
  std::uint64_t all_reduces;
  std::uint64_t bytes;
  double logits_kb;
};

void PrintTo(const TrafficRow& row, std::ostream* out) { *out << row.model; }

class TrafficTable : public testing::TestWithParam<TrafficRow> {};

TEST_P(TrafficTable, OneTokenOfTensorParallelism) {
  const auto& row = GetParam();
  const auto messages = tensor_parallel_messages(find_model(row.model), 2, 1);
  ASSERT_EQ(messages.size(), 3U);
  EXPECT_EQ(messages[0].operation, "all_reduce");
  EXPECT_EQ(messages[1].operation, "all_reduce");
  EXPECT_EQ(messages[0].count + messages[1].count, row.all_reduces);
  EXPECT_EQ(messages[0].bytes, row.bytes);
  EXPECT_EQ(messages[1].bytes, row.bytes);
  EXPECT_EQ(messages[2].operation, "all_gather");
  EXPECT_EQ(messages[2].count, 1U);
  EXPECT_NEAR(static_cast<double>(messages[2].bytes) / 1000, row.logits_kb, 0.6);
}

INSTANTIATE_TEST_SUITE_P(Models, TrafficTable,
                         testing::Values(TrafficRow{"Llama-3.1-8B", 65, 8192, 257},
                                         TrafficRow{"Llama-3.3-70B", 161, 16384, 257},
                                         TrafficRow{"Qwen3-32B", 129, 10240, 304},
                                         TrafficRow{"Qwen3.6-27B-FP8", 129, 10240, 497},
                                         TrafficRow{"gpt-oss-20b", 49, 5760, 402},
                                         TrafficRow{"gpt-oss-120b", 73, 5760, 402},
                                         TrafficRow{"Qwen3-Coder-30B-A3B", 97, 4096, 304},
                                         TrafficRow{"Mistral-Small-3.1-24B", 81, 10240, 262},
                                         TrafficRow{"MiniMax-M2.7:nvfp4", 125, 6144, 400},
                                         TrafficRow{"Qwen3.5-35B-A3B", 81, 4096, 497},
                                         TrafficRow{"Qwen3.5-122B-A10B", 97, 6144, 497},
                                         TrafficRow{"DeepSeek-V3", 123, 14336, 259}));

TEST(Traffic, BatchesMakeTheMessagesLargerNotMore) {
  const auto model = find_model("Qwen3.6-27B-FP8");
  const auto messages = tensor_parallel_messages(model, 4, 32);
  EXPECT_EQ(messages[1], (Message{"all_reduce", 327680, 128, messages[1].purpose}));
  EXPECT_EQ(messages[2].bytes, 15'892'480U);  // the largest message of a step
}

TEST(Traffic, APipelineHopCarriesTwoTensors) {
  const auto model = find_model("Llama-3.1-8B");
  const auto one = pipeline_messages(model, 2, 1);
  ASSERT_EQ(one.size(), 2U);
  EXPECT_EQ(one[0], (Message{"send_recv", 8192, 2, one[0].purpose}));
  EXPECT_EQ(one[1], (Message{"send_recv", 4, 1, one[1].purpose}));
  const auto many = pipeline_messages(model, 4, 8);  // four micro-batches of 2, three hops
  EXPECT_EQ(many[0], (Message{"send_recv", 16384, 6, many[0].purpose}));
}

TEST(Traffic, OneRankSendsNothing) {
  const auto model = find_model("Llama-3.1-8B");
  EXPECT_TRUE(tensor_parallel_messages(model, 1, 8).empty());
  EXPECT_TRUE(pipeline_messages(model, 1, 8).empty());
}

TEST(Traffic, ABatchNobodyRunsIsRefusedBeforeItOverflows) {
  const auto model = find_model("Llama-3.1-8B");
  EXPECT_THROW(tensor_parallel_messages(model, 2, std::uint64_t{1} << 50), std::invalid_argument);
  EXPECT_THROW(pipeline_messages(model, 2, 0), std::invalid_argument);
}

TEST(Traffic, TokensAreDealtOutRoundedUp) {
  EXPECT_EQ(tokens_per_part(1, 2), 1U);
  EXPECT_EQ(tokens_per_part(3, 2), 2U);
  EXPECT_EQ(tokens_per_part(8, 4), 2U);
}

// DeepSeek-V3: 61 layers, 3 of them dense; hidden 7168, 256 experts, 8 of them for a token; one
// draft layer; vocabulary 129,280.
TEST(Traffic, ExpertParallelismMeetsTwiceInEachLayerWithExperts) {
  const auto model = find_model("DeepSeek-V3");
  const auto messages = expert_parallel_messages(model, 4, 8);
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[0], (Message{"all_gather", 8UL * (7168 + 256) * 2, 58, messages[0].purpose}));
  EXPECT_EQ(messages[1], (Message{"reduce_scatter", 8UL * 7168 * 2, 58, messages[1].purpose}));
  EXPECT_TRUE(expert_parallel_messages(find_model("Llama-3.1-8B"), 4, 8).empty());
}

// Of 4 experts on 2 ranks both that a token takes are on one rank in 2 of 6 cases: 1.67 ranks. With
// one expert for a token it is one rank, however many there are.
TEST(Traffic, AllToAllSendsATokenToTheRanksOfItsExperts) {
  Model model;
  model.hidden = 30;
  model.experts = 4;
  model.experts_per_token = 2;
  model.sparse_layers = 5;
  EXPECT_DOUBLE_EQ(expected_ranks_per_token(model, 2), 2 * (1 - 1.0 / 6));
  EXPECT_DOUBLE_EQ(expected_ranks_per_token(model, 4), 4 * (1 - 3.0 / 6));
  const auto messages = expert_all_to_all_messages(model, 2, 3);
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[0], (Message{"all_to_all", 300, 5, messages[0].purpose}));  // 3 x 60 x 1.67
  model.experts_per_token = 1;
  EXPECT_DOUBLE_EQ(expected_ranks_per_token(model, 4), 1);
}

TEST(Traffic, SequenceParallelismCutsEveryAllReduceInTwo) {
  const auto messages = sequence_parallel_messages(find_model("Llama-3.1-8B"), 2, {8, 8});
  ASSERT_EQ(messages.size(), 3U);
  EXPECT_EQ(messages[0], (Message{"reduce_scatter", 65536, 65, messages[0].purpose}));
  EXPECT_EQ(messages[1], (Message{"all_gather", 65536, 65, messages[1].purpose}));
}

TEST(Traffic, ADraftPassIsALayerTheEmbeddingAndTheLogits) {
  const auto messages = draft_messages(find_model("DeepSeek-V3"), 2, 8);
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[0], (Message{"all_reduce", 8UL * 7168 * 2, 3, messages[0].purpose}));
  EXPECT_EQ(messages[1], (Message{"all_gather", 8UL * 129'280 * 2, 1, messages[1].purpose}));
  EXPECT_TRUE(draft_messages(find_model("Llama-3.1-8B"), 2, 8).empty());
}

TEST(Traffic, AChunkOfAPromptMakesTheLogitsOfOneToken) {
  const auto messages = tensor_parallel_messages(find_model("Llama-3.1-8B"), 2, {2048, 1});
  EXPECT_EQ(messages[1].bytes, 2048U * 8192);
  EXPECT_EQ(messages[2].bytes, 128'256U * 2);
}

}  // namespace
}  // namespace wiretax
