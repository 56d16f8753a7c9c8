#include "report/prefill.h"

#include <gtest/gtest.h>

#include "hand_model.h"
#include "report/serving.h"

namespace wiretax {
namespace {

/// Prompts of 10 tokens in chunks of 4, 4 and 2. A full one computes 2 x 4000 x 4 in the layers and
/// 2 x 1000 in the head, for one sequence's next token: 34 s at 1000 a second; the last one 18 s.
class Prompting : public testing::Test {
 protected:
  Model model_ = by_hand::model();
  Machine machine_ = computing();
  Fabric fabric_ = by_hand::fabric();

  static Machine computing() {
    auto machine = by_hand::machine();
    machine.prefill_flops_per_s = Band{1000, 1000, 1000};
    return machine;
  }

  Prefill prefill(const Layout& layout, std::uint64_t prompts = 1) {
    return price_prefill(model_, machine_, fabric_, layout, 2, {prompts, 10, 4},
                         corners_of(machine_, {1, 1, 1}));
  }
};

constexpr Layout kSingle = {Strategy::kSingle, 1};
constexpr Layout kTensor = {Strategy::kTensorParallel, 2};
constexpr Layout kPipe = {Strategy::kPipeline, 1};
constexpr Layout kCopies = {Strategy::kReplicas, 1};

TEST_F(Prompting, OneMachineComputesChunkAfterChunk) {
  const auto one = prefill(kSingle);
  EXPECT_EQ(one.chunks, 3U);
  EXPECT_DOUBLE_EQ(one.time_s->mid, 34 + 34 + 18 + 3 * 3);
  EXPECT_DOUBLE_EQ(one.tokens_per_s()->mid, 10 / 95.0);
}

TEST_F(Prompting, TensorParallelismHalvesItAndPaysTheWireForEveryChunk) {
  const auto two = prefill(kTensor);
  EXPECT_NEAR(two.parts.wire_s, 3 * 5.5e-3, 1e-12);
  EXPECT_NEAR(two.time_s->mid, 95 - 86 / 2.0 + 3 * 5.5e-3, 1e-9);
}

TEST_F(Prompting, APipelineStartsTheNextChunkWhenAStageIsFree) {
  // The last stage computes 16 + 2 s of a full chunk, with half of the fixed cost; then the last
  // chunk goes all the way, 18 + 3 s, half an all_reduce and the return.
  EXPECT_NEAR(prefill(kPipe).time_s->mid, 2 * (18 + 1.5) + 21 + .5e-3 + 20e-6, 1e-9);
}

TEST_F(Prompting, ReplicasReadAPromptEach) {
  EXPECT_DOUBLE_EQ(prefill(kCopies, 2).time_s->mid, prefill(kSingle).time_s->mid);
  // Three: the fuller machine has two, 20 tokens in 5 full chunks.
  EXPECT_DOUBLE_EQ(prefill(kCopies, 3).time_s->mid, 5 * (34 + 3));
}

TEST_F(Prompting, ShortChunksAreBoundByReading) {
  machine_.prefill_flops_per_s = Band{1e9, 1e9, 1e9};
  EXPECT_NEAR(prefill(kSingle).time_s->mid, 3 * (10 + 3), 1e-3);
}

TEST_F(Prompting, WithoutARateOnlyTheWireIsKnown) {
  machine_.prefill_flops_per_s.reset();
  const auto two = prefill(kTensor);
  EXPECT_FALSE(two.time_s);
  EXPECT_FALSE(two.tokens_per_s());
  EXPECT_NEAR(two.parts.wire_s, 3 * 5.5e-3, 1e-12);
  EXPECT_EQ(two.parts.compute_s, 0);
}

TEST_F(Prompting, TheRateIsARange) {
  machine_.prefill_flops_per_s = Band{500, 1000, 2000};
  const auto time = *prefill(kSingle).time_s;
  EXPECT_DOUBLE_EQ(time.low, 17 + 17 + 10 + 9);  // reading the last chunk takes longer than 9
  EXPECT_DOUBLE_EQ(time.high, 86 * 2.0 + 9);
}

class Serve : public Prompting {
 protected:
  Serving serve(const Layout& layout, std::uint64_t batch, double accepted = 0) {
    const Workload workload = {.batch = batch,
                               .context = 10,
                               .ranks = 2,
                               .drafts = accepted > 0 ? std::uint64_t{1} : 0,
                               .accepted = accepted};
    return price_serving(model_, machine_, fabric_, layout, workload, {10, 5, 4}, {1, 1, 1});
  }
};

TEST_F(Serve, EveryRequestIsReadAndAnsweredOnceACycle) {
  const auto serving = serve(kSingle, 2);
  // 20 tokens in 5 chunks of 37 s; then 4 steps with 12.5 tokens of context: 10 + 2 + 3 s.
  EXPECT_DOUBLE_EQ(serving.token_interval_s.mid, 15);
  EXPECT_DOUBLE_EQ(serving.throughput->output_tokens_per_s.mid, 2 * 5 / (5 * 37 + 4 * 15.0));
  EXPECT_DOUBLE_EQ(serving.throughput->total_tokens_per_s.mid, 2 * 15 / (5 * 37 + 4 * 15.0));
  EXPECT_DOUBLE_EQ(serving.throughput->decode_share, 60 / 245.0);
  EXPECT_DOUBLE_EQ(serving.prefill.time_s->mid, 95);  // of one alone
}

TEST_F(Serve, AcceptedDraftsShortenTheAnswer) {
  EXPECT_DOUBLE_EQ(serve(kSingle, 2, 1).token_interval_s.mid, 7.5);  // nothing to read for them
}

TEST_F(Serve, TheTimeBetweenTokensNeedsNoPrefillRate) {
  machine_.prefill_flops_per_s.reset();
  const auto serving = serve(kSingle, 2);
  EXPECT_FALSE(serving.throughput);
  EXPECT_DOUBLE_EQ(serving.token_interval_s.mid, 15);
}

TEST_F(Serve, AFullLengthThatDoesNotFitSaysSo) {
  machine_.memory_bytes = 12'000 + 2 * 80 * 15;
  EXPECT_EQ(serve(kSingle, 2).reason, "");
  machine_.memory_bytes -= 1;
  EXPECT_NE(serve(kSingle, 2).reason, "");
  EXPECT_FALSE(serve(kSingle, 2).throughput);
}

}  // namespace
}  // namespace wiretax
