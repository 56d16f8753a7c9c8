#include "report/strategies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "hand_model.h"

namespace wiretax {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<Strategy> kAll = {Strategy::kSequenceParallel, Strategy::kExpertParallel,
                                    Strategy::kExpertAllToAll};

class StrategyByHand : public testing::Test {
 protected:
  Model model_ = by_hand::model();
  Machine machine_ = by_hand::machine();
  Fabric fabric_ = by_hand::fabric();
  Workload workload_ = {.batch = 4, .context = 10, .ranks = 2, .extra = kAll};

  Plan plan(const std::string& name) {
    const auto plans = plan_strategies(model_, machine_, fabric_, workload_);
    const auto found = std::ranges::find(plans, name, &Plan::name);
    if (found == plans.end()) throw std::out_of_range(name);
    return *found;
  }

  Parts parts(const std::string& name) {
    return plan(name).parts(model_, machine_, by_hand::kPlain);
  }

  void use_ranks(std::uint64_t ranks) {
    fabric_ = by_hand::fabric(ranks);
    workload_.ranks = ranks;
  }
};

std::vector<std::string> names_of_plans(const std::vector<Plan>& plans) {
  std::vector<std::string> result;
  result.reserve(plans.size());
  for (const auto& plan : plans) result.push_back(plan.name);
  return result;
}

TEST_F(StrategyByHand, FourMachinesCanAlsoBeTwoGroupsInAPipeline) {
  EXPECT_THAT(names_of_plans(plan_strategies(model_, machine_, by_hand::fabric(4), {4, 10, 4})),
              ElementsAre("tp1", "tp4", "pp4", "replicas4", "tp2pp2"));
  EXPECT_THAT(names_of_plans(plan_strategies(model_, machine_, by_hand::fabric(8), {4, 10, 8})),
              ElementsAre("tp1", "tp8", "pp8", "replicas8", "tp2pp4", "tp4pp2"));
}

TEST(Strategies, TheirNamesAreUnderstood) {
  EXPECT_EQ(parse_strategy("sp"), Strategy::kSequenceParallel);
  EXPECT_EQ(parse_strategy("ep"), Strategy::kExpertParallel);
  EXPECT_EQ(parse_strategy("ep-alltoall"), Strategy::kExpertAllToAll);
  EXPECT_THROW(parse_strategy("zp"), std::invalid_argument);
}

// vLLM's rule (get_pp_indices): what is left over goes to the stages before the last one.
TEST(Stages, TheLastOneHasTheFewestLayers) {
  EXPECT_THAT(stage_layers(64, 2), ElementsAre(32, 32));
  EXPECT_THAT(stage_layers(61, 2), ElementsAre(31, 30));
  EXPECT_THAT(stage_layers(62, 4), ElementsAre(15, 16, 16, 15));
  EXPECT_THAT(stage_layers(63, 4), ElementsAre(16, 16, 16, 15));
}

TEST_F(StrategyByHand, SequenceParallelismSendsTwiceAsOften) {
  // 2 x 2 + 1 of each, at half an all_reduce where neither was measured; then half for the logits.
  EXPECT_DOUBLE_EQ(parts("tp2sp").wire_s, 5 * (.5e-3 + .5e-3) + .5e-3);
  fabric_.reduce_scatter = by_hand::flat(3e-3);
  fabric_.all_gather = by_hand::flat(2e-3);
  EXPECT_DOUBLE_EQ(parts("tp2sp").wire_s, 5 * (3e-3 + 2e-3) + 2e-3);
  EXPECT_DOUBLE_EQ(parts("tp2sp").weights_s, parts("tp2").weights_s);
}

TEST_F(StrategyByHand, ExpertParallelismDividesOnlyTheExperts) {
  model_ = by_hand::moe();
  const auto two = parts("ep2");
  // All 4 tokens need 1 - (1 - 2/4)^4 = 15/16 of the experts; each machine reads half of those.
  EXPECT_DOUBLE_EQ(two.weights_s, 8 + 2 + 16 * .9375 / 2);
  EXPECT_DOUBLE_EQ(two.kv_s, 2 * 80 * 10 / 1000.0);   // its own two sequences, all heads
  EXPECT_DOUBLE_EQ(two.wire_s, 2 * (.5e-3 + .5e-3));  // two layers: all_gather, reduce_scatter
  EXPECT_DOUBLE_EQ(parts("ep2a2a").wire_s, 2 * 2 * .5e-3);
  EXPECT_DOUBLE_EQ(parts("tp2").weights_s, (8 + 2 + 16 * .9375) / 2);
}

TEST_F(StrategyByHand, ExpertParallelismComputesItsOwnTokensAndItsShareOfTheExperts) {
  model_ = by_hand::moe();
  machine_.compute_flops_per_s = 1000;
  // Attention 2 x 4000 x 2 own tokens, head 2 x 1000 x 2, experts 2 x 4000 x 4 tokens / 2: 36 s,
  // of which reading hides 17.5 + 1.6.
  EXPECT_DOUBLE_EQ(parts("ep2").compute_s, 36 - 17.5 - 1.6);
}

TEST_F(StrategyByHand, ExpertParallelismKeepsAllButTheExpertsTwice) {
  model_ = by_hand::moe();
  // 8000 + 2000 + 2000 of embedding, half of 16,000, and 1600 of cache.
  machine_.memory_bytes = 21'600;
  EXPECT_TRUE(plan("ep2").fits());
  machine_.memory_bytes -= 1;
  EXPECT_THAT(plan("ep2").reason, HasSubstr("does not fit"));
  EXPECT_TRUE(plan("tp2").fits());  // half of all 28,000, and 1600
}

TEST_F(StrategyByHand, ADenseModelHasNoExpertsToDealOut) {
  EXPECT_EQ(plan("ep2").reason, "a dense model has no experts to deal out");
  use_ranks(3);
  model_ = by_hand::moe();
  EXPECT_EQ(plan("ep3").reason, "4 experts do not divide by 3");
}

TEST_F(StrategyByHand, AllToAllSaysHowManyRanksATokenReaches) {
  model_ = by_hand::moe();
  // Both of its experts are on the other rank in 1 of 6 cases: 2 x (1 - 1/6) ranks.
  EXPECT_THAT(plan("ep2a2a").notes, Contains(HasSubstr("1.67 of 2 ranks")));
  EXPECT_THAT(plan("ep2a2a").notes, Contains(HasSubstr("all_to_all was not measured")));
  fabric_.all_to_all = by_hand::flat(4e-3);
  EXPECT_DOUBLE_EQ(parts("ep2a2a").wire_s, 2 * 2 * 4e-3);
}

TEST_F(StrategyByHand, GroupsInAPipeline) {
  use_ranks(4);
  workload_.batch = 1;
  Curves of_two;
  of_two.all_reduce = by_hand::flat(2e-3);
  fabric_.fewer[2] = of_two;
  const auto way = parts("tp2pp2");
  EXPECT_DOUBLE_EQ(way.weights_s, 5);
  EXPECT_DOUBLE_EQ(way.kv_s, .4);
  // Five all_reduces of 2 ranks and the logits' half of one; the hop as one of 2(4-1) steps of the
  // all_reduce of 4; two tensors gathered on arrival; the tokens' way back.
  EXPECT_NEAR(way.wire_s, 5 * 2e-3 + 1e-3 + 1e-3 / 6 + 2 * 1e-3 + 20e-6, 1e-12);
}

TEST_F(StrategyByHand, TwoMicroBatchesPassTheGroupWithTheHead) {
  use_ranks(4);
  workload_.batch = 2;
  const auto stage = parts("tp2pp2");
  EXPECT_DOUBLE_EQ(stage.weights_s, 2 * (4 + 2) / 2.0);  // one layer and the head, half of each
  EXPECT_DOUBLE_EQ(stage.fixed_s, 3);
  // Two all_reduces, the logits' half of one, two tensors on arrival.
  EXPECT_NEAR(stage.wire_s, 2 * (2 * 1e-3 + .5e-3 + 2 * .5e-3), 1e-12);
  EXPECT_THAT(plan("tp2pp2").notes,
              Contains(HasSubstr("all_reduce of 2 ranks was not measured: taken as that of 4")));
}

class Drafts : public StrategyByHand {
 protected:
  void SetUp() override {
    workload_ = {.batch = 2, .context = 10, .ranks = 2, .drafts = 2, .accepted = 1};
    model_.draft = {.modules = 1, .layers = 1, .parameters = {.ffn = 500}};
  }
};

TEST_F(Drafts, EachPassReadsItsLayerAndTheHead) {
  const auto one = parts("tp1");
  EXPECT_DOUBLE_EQ(one.weights_s, 10 + 2 * (1 + 2));
  EXPECT_DOUBLE_EQ(one.kv_s, 2 * (80 + 2 * 40) * 10 / 1000.0);  // one layer's cache a pass
  EXPECT_DOUBLE_EQ(workload_.tokens(), 4);
}

TEST_F(Drafts, EachPassSendsItsOwnMessages) {
  // 5 all_reduces and the logits, then twice 3 and the logits.
  EXPECT_DOUBLE_EQ(parts("tp2").wire_s, 5.5e-3 + 2 * 3.5e-3);
  const auto messages = plan("tp2").paths.front().messages;
  EXPECT_EQ(messages[0].message.bytes, 2 * 3 * 20U);  // both sequences' tokens and drafts
  EXPECT_EQ(messages[2].message.bytes, 2 * 3 * 200U);
  EXPECT_EQ(messages[3].message.bytes, 2 * 20U);
  EXPECT_EQ(all_reduce_balance(model_, machine_, fabric_, workload_, by_hand::kPlain).count, 11U);
}

TEST_F(Drafts, AllTokensAreComputedWhetherAcceptedOrNot) {
  machine_.compute_flops_per_s = 1000;
  // 2 x 5000 x 6 tokens, and 2 x (500 + 1000) for each of 4 drafts: 72 s, reading hides 19.2.
  EXPECT_DOUBLE_EQ(parts("tp1").compute_s, 72 - 16 - 3.2);
}

TEST_F(Drafts, InAPipelineTheLastStageMakesThem) {
  const auto last = parts("pp2");  // two micro-batches: a layer, the head, twice the draft's
  EXPECT_DOUBLE_EQ(last.weights_s, 2 * (4 + 2 + 2 * (1 + 2)));
  EXPECT_DOUBLE_EQ(last.kv_s, 2 * (40 + 2 * 40) * 10 / 1000.0);
}

TEST_F(Drafts, WithoutDraftLayersTheyCostOnlyTheirTokens) {
  model_.draft = {};
  EXPECT_DOUBLE_EQ(parts("tp1").weights_s, 10);
  EXPECT_DOUBLE_EQ(parts("tp2").wire_s, 5.5e-3);
}

TEST_F(Drafts, ABatchNobodyRunsIsRefusedBeforeItIsMultiplied) {
  workload_.batch = (std::uint64_t{1} << 62) + 1;  // times 4 it would be 4
  workload_.drafts = 3;
  EXPECT_THROW(plan("tp1"), std::invalid_argument);
}

TEST_F(Drafts, TheyTakeMemory) {
  machine_.memory_bytes = 12'000 + 1000 + 2 * 10 * (80 + 40);
  EXPECT_TRUE(plan("tp1").fits());
  machine_.memory_bytes -= 1;
  EXPECT_FALSE(plan("tp1").fits());
}

TEST_F(StrategyByHand, AnFp8CacheIsHalfAsLarge) {
  const auto before = parts("tp1").kv_s;
  model_.kv_bits = 8;
  EXPECT_DOUBLE_EQ(parts("tp1").kv_s, before / 2);
}

TEST_F(StrategyByHand, ALargeBatchIsBoundByComputing) {
  machine_.compute_flops_per_s = 20'000;  // 2 x 5000 for a token: 2 tokens a second
  workload_.context = 1;
  workload_.batch = 1;
  EXPECT_DOUBLE_EQ(parts("tp1").compute_s, 0);
  workload_.batch = 100;  // 50 s of computing, 10 and 8 of reading
  EXPECT_DOUBLE_EQ(parts("tp1").total(), 50 + 3);
}

}  // namespace
}  // namespace wiretax
