#include "report/decide.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "report/catalogue.h"
#include "report/verdict.h"

namespace wiretax {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Json = nlohmann::json;

Fabric published() {
  const std::vector<ResultFile> profile = {find_profile("dgx-spark-roce")};
  return fabrics_of(profile, 2).usable.front();
}

Fabric flat(FabricKind kind, double time_s) {
  Fabric fabric;
  fabric.name = "flat";
  fabric.kind = kind;
  fabric.all_reduce = Curve({{64, time_s, {time_s, time_s}}, {1 << 30, time_s, {time_s, time_s}}});
  return fabric;
}

Request request(const std::string& model, std::uint64_t batch, Fabric fabric = published()) {
  Request result;
  result.models = {find_model(model)};
  result.batches = {batch};
  result.machine = find_machine("dgx-spark");
  result.fabrics = {std::move(fabric)};
  return result;
}

Answer answer(const Request& asked) { return decide(asked).answers.front(); }

const Row& row_of(const Decision& decision, std::string_view strategy) {
  return *std::ranges::find(decision.rows, strategy, &Row::strategy);
}

TEST(Compare, TheFastestEverywhereWins) {
  const auto result = compare({{10, 20}, {5, 9}, {12, 30}});
  EXPECT_TRUE(result.clear());
  EXPECT_THAT(result.group, ElementsAre(1));
  EXPECT_THAT(result.others, ElementsAre(0, 2));
}

TEST(Compare, WithinTwoPercentEverywhereIsTheSame) {
  EXPECT_THAT(compare({{100, 200}, {101, 203}}).group, ElementsAre(0, 1));
  EXPECT_THAT(compare({{100, 200}, {101, 205}}).group, ElementsAre(0));  // 2.5 % at one point
}

TEST(Compare, AheadInTheMiddleOnlyIsTooClose) {
  const auto result = compare({{10, 20, 30}, {12, 19, 24}});
  ASSERT_FALSE(result.clear());
  EXPECT_EQ(*result.challenger, 1U);
  EXPECT_EQ(result.where, 2U);  // 30 against 24 is its best
}

TEST(Compare, EveryMemberOfTheGroupHasToBeAhead) {
  EXPECT_FALSE(compare({{100, 100}, {101, 101}, {110, 100.5}}).clear());
}

TEST(Compare, RangesMayOverlapAndTheWinnerStillBeClear) {
  // 21.6 to 38.4 against 14.5 to 26.5: paired, the second is always ahead.
  EXPECT_TRUE(compare({{30, 21.6, 38.4}, {20, 14.5, 26.5}}).clear());
}

TEST(Decide, TensorParallelismWinsForOneSequenceOfADenseModel) {
  const auto result = answer(request("Qwen3.6-27B-FP8", 1));
  EXPECT_EQ(result.kind, AnswerKind::kClear);
  EXPECT_THAT(result.winner, ElementsAre("tp2"));
  EXPECT_THAT(result.flips_on, IsEmpty());
  EXPECT_THAT(
      result.sentence,
      AllOf(HasSubstr("one sequence"), HasSubstr("tensor parallelism over 2 machines (tp2)"),
            HasSubstr("14 tokens/s"), HasSubstr("7.7 of one machine (tp1)"),
            HasSubstr("all-reduce of 10 KiB takes less than 48"),
            HasSubstr("published: 28.93 us")));
}

// cost-model, section 3 (7): the ranges overlap, but TP2 is ahead at every point.
TEST(Decide, GptOssAtBatchOneIsClearThoughTheRangesOverlap) {
  const auto decision = decide(request("gpt-oss-120b", 1));
  EXPECT_EQ(decision.answers.front().kind, AnswerKind::kClear);
  const auto& one = row_of(decision, "tp1");
  const auto& two = row_of(decision, "tp2");
  EXPECT_NEAR(one.step_s.low, 21.6e-3, 0.4e-3);
  EXPECT_NEAR(one.step_s.high, 38.4e-3, 0.8e-3);
  EXPECT_NEAR(two.step_s.low, 14.5e-3, 0.3e-3);
  EXPECT_NEAR(two.step_s.high, 26.5e-3, 0.6e-3);
  EXPECT_LT(one.step_s.low, two.step_s.high);
}

TEST(Decide, OnASlowWireOneMachineAndReplicasAreTheSameThing) {
  const auto result = answer(request("Qwen3.6-27B-FP8", 1, flat(FabricKind::kEngine, 2e-3)));
  EXPECT_EQ(result.kind, AnswerKind::kClear);
  EXPECT_THAT(result.winner, Contains("tp1"));
  EXPECT_THAT(result.winner, Contains("replicas2"));
  EXPECT_THAT(result.winner, Not(Contains("tp2")));
  EXPECT_THAT(result.sentence,
              AllOf(HasSubstr("tp2 beats tp1 while an all-reduce of 10 KiB takes less than"),
                    HasSubstr("measured: 2 ms")));
}

TEST(Decide, NearBreakEvenItIsTooCloseAndSaysWhatFlipsIt) {
  // Break-even is near 479 us at efficiency .8; a faster memory lowers it below this wire.
  const auto result = answer(request("Qwen3.6-27B-FP8", 1, flat(FabricKind::kEngine, 440e-6)));
  EXPECT_EQ(result.kind, AnswerKind::kTooClose);
  EXPECT_THAT(result.winner, IsEmpty());
  EXPECT_EQ(result.flips_on, "memory efficiency 1");
  EXPECT_THAT(result.sentence, AllOf(HasSubstr("too close to call"),
                                     HasSubstr("memory efficiency 1 would change the order")));
}

TEST(Decide, ACalibratedEfficiencySettlesIt) {
  auto asked = request("Qwen3.6-27B-FP8", 1, flat(FabricKind::kEngine, 440e-6));
  asked.machine.efficiency = {.75, .75, .75};
  EXPECT_THAT(answer(asked).winner, ElementsAre("tp2"));
}

TEST(Decide, TheLeftOverStrategyWinsWhereOneMachineIsTooSmall) {
  const auto decision = decide(request("MiniMax-M2.7:nvfp4", 1));
  EXPECT_FALSE(row_of(decision, "tp1").fits);
  EXPECT_THAT(row_of(decision, "tp1").reason, HasSubstr("does not fit"));
  EXPECT_THAT(decision.answers.front().winner, ElementsAre("tp2"));
  EXPECT_THAT(decision.answers.front().sentence, HasSubstr("a pipeline over 2 machines (pp2)"));
}

TEST(Decide, NothingFits) {
  const auto result = answer(request("MiniMax-M2.7:bf16", 1));
  EXPECT_EQ(result.kind, AnswerKind::kNothingFits);
  EXPECT_THAT(result.sentence, AllOf(HasSubstr("nothing fits"), HasSubstr("tp2: does not fit")));
}

TEST(Decide, IndivisibleHeadsAreAReason) {
  auto asked = request("Llama-3.1-8B", 1, flat(FabricKind::kEngine, 1e-5));
  asked.ranks = 3;
  asked.fabrics.front().ranks = 3;
  const auto decision = decide(asked);
  EXPECT_EQ(row_of(decision, "tp3").reason, "32 heads do not divide by 3");
  EXPECT_TRUE(row_of(decision, "pp3").fits);
}

TEST(Decide, WhatIsNoNetworkNamesNoWinner) {
  for (const auto kind : {FabricKind::kLoopback, FabricKind::kSharedMemory}) {
    auto asked = request("Llama-3.1-8B", 1, flat(kind, 1e-6));
    asked.fabrics.push_back(published());
    const auto decision = decide(asked);
    EXPECT_EQ(decision.answers[0].kind, AnswerKind::kNotANetwork);
    EXPECT_THAT(decision.answers[0].winner, IsEmpty());
    EXPECT_THAT(decision.answers[0].sentence,
                AllOf(HasSubstr("not a network"), HasSubstr("names no winner"),
                      HasSubstr("published profile dgx-spark-roce answers instead")));
    EXPECT_THAT(decision.answers[1].winner, ElementsAre("tp2"));
  }
}

TEST(Decide, MpiOnHostMemoryIsNotTheEnginesPath) {
  const auto result = answer(request("Llama-3.1-8B", 1, flat(FabricKind::kHostMpi, 1e-6)));
  EXPECT_EQ(result.kind, AnswerKind::kNotYourEnginesPath);
  EXPECT_THAT(result.winner, IsEmpty());
  EXPECT_THAT(result.sentence, HasSubstr("No other fabric answers instead"));
}

TEST(Decide, TheMiddleLiesBetweenTheEnds) {
  const auto decision = decide(request("gpt-oss-120b", 32));
  for (const auto& row : decision.rows) {
    EXPECT_LE(row.step_s.low, row.step_s.mid);
    EXPECT_LE(row.step_s.mid, row.step_s.high);
    EXPECT_NEAR(row.tokens_per_s.mid * row.step_s.mid, 32, 1e-9);
    EXPECT_NEAR(row.parts.total(), row.step_s.mid, 1e-12);
  }
}

TEST(Decide, RulesBeyondTheMeasurementsAreInTheNotes) {
  const auto notes = decide(request("gpt-oss-120b", 1)).notes;
  EXPECT_THAT(notes, Contains(HasSubstr("all_gather was not measured")));
  EXPECT_THAT(notes, Contains(HasSubstr("send_recv was not measured")));
  EXPECT_THAT(notes, Contains(HasSubstr("all_reduce below 8 KiB was not measured")));
  EXPECT_THAT(notes, Contains(HasSubstr("suspect")));
}

TEST(DecisionJson, FollowsTheSchema) {
  auto asked = request("MiniMax-M2.7:nvfp4", 1);
  const auto json = Json::parse(decision_json(asked, decide(asked)));
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["assumptions"]["efficiency"]["mid"], .8);
  ASSERT_EQ(json["rows"].size(), 4U);
  for (const auto& row : json["rows"]) {
    for (const auto* const field :
         {"model", "quant", "batch", "context", "fabric", "strategy", "fits", "step_s",
          "tokens_per_s", "parts_s", "wire_share", "allreduce_bytes", "allreduce_s",
          "break_even_allreduce_s", "reason"}) {
      EXPECT_TRUE(row.contains(field)) << field;
    }
  }
  EXPECT_TRUE(json["rows"][0]["step_s"].is_null());
  EXPECT_FALSE(json["rows"][0]["reason"].is_null());
  const auto& tensor = json["rows"][1];
  EXPECT_EQ(tensor["strategy"], "tp2");
  EXPECT_EQ(tensor["allreduce_bytes"], 6144);
  EXPECT_NEAR(tensor["break_even_allreduce_s"].get<double>(), 201e-6, 4e-6);
  for (const auto* const part : {"weights", "kv", "wire", "compute", "fixed"}) {
    EXPECT_TRUE(tensor["parts_s"][part].is_number()) << part;
  }
  const auto& answered = json["answers"][0];
  EXPECT_EQ(answered["verdict"], "clear");
  EXPECT_EQ(answered["winner"], Json::array({"tp2"}));
  EXPECT_TRUE(answered["flips_on"].is_null());
  EXPECT_TRUE(answered["sentence"].is_string());
}

TEST(Decide, TheWholeCatalogueIsDecidedInReasonableTime) {
  auto asked = request("Llama-3.1-8B", 1);
  asked.models.clear();
  for (const auto& entry : model_catalogue()) asked.models.push_back(find_model(entry.name));
  asked.batches = {1, 2, 4, 8, 16, 32, 64, 128};
  asked.fabrics = std::vector<Fabric>(4, published());
  const auto begin = std::chrono::steady_clock::now();
  const auto decision = decide(asked);
  const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(decision.answers.size(), asked.models.size() * 8 * 4);
  fmt::print("{} models x 8 batches x 4 fabrics decided in {:.0f} ms\n", asked.models.size(),
             spent.count());
}

}  // namespace
}  // namespace wiretax
