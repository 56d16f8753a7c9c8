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
  EXPECT_EQ(result.sentence,
            "Qwen3.6-27B-FP8 (fp8), batch 1: TP=2, 10 to 18 tokens/s against 5.8 to 9.7 with one "
            "machine; holds while the all-reduce of 10 KiB stays under about 480 us, published 29 "
            "us.");
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
              AllOf(HasSubstr("one machine, the same within 2 % as 2 replicas and PP=2"),
                    HasSubstr("against 2.9 to 3.2 with TP=2"),
                    HasSubstr("TP=2 would beat one machine if the all-reduce of 10 KiB were under "
                              "about 480 us, not measured, taken as 2 ms")));
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
  EXPECT_THAT(decision.answers.front().sentence, HasSubstr("against 13 to 23 with PP=2"));
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

// One machine is no rival where replicas are faster: gpt-oss-120b at batch 8 and more.
TEST(Decide, TheBreakEvenIsAgainstTheBestRival) {
  for (const std::uint64_t batch : {1U, 8U, 32U, 128U}) {
    for (const double wire_s : {30e-6, 200e-6, 600e-6}) {
      const auto decision =
          decide(request("gpt-oss-120b", batch, flat(FabricKind::kEngine, wire_s)));
      const auto& tensor = row_of(decision, "tp2");
      const auto& rival = row_of(decision, tensor.rival);
      ASSERT_TRUE(tensor.break_even_s);
      EXPECT_EQ(wire_s < *tensor.break_even_s, tensor.step_s.mid < rival.step_s.mid)
          << batch << " " << wire_s;
      for (const auto& row : decision.rows) {
        if (row.strategy == "tp2") continue;
        EXPECT_LE(rival.step_s.mid, row.step_s.mid);
      }
    }
  }
}

TEST(Decide, WhatCannotRunHasNoBreakEven) {
  const auto decision = decide(request("MiniMax-M2.7:bf16", 1));
  EXPECT_FALSE(row_of(decision, "tp2").all_reduce);
  EXPECT_FALSE(row_of(decision, "tp2").break_even_s);
}

TEST(Decide, TooCloseNamesBothContenders) {
  const auto result = answer(request("Qwen3.6-27B-FP8", 1, flat(FabricKind::kEngine, 440e-6)));
  EXPECT_THAT(result.contenders, ElementsAre("tp2", "tp1"));
}

TEST(Stretches, FollowEachOtherAndAgreeWithTheAnswers) {
  for (const auto* const model : {"Qwen3.6-27B-FP8", "gpt-oss-120b", "MiniMax-M2.7:nvfp4"}) {
    const auto stretches = decide(request(model, 1)).stretches;
    ASSERT_FALSE(stretches.empty());
    EXPECT_EQ(stretches.front().from_batch, 1U);
    EXPECT_EQ(stretches.back().to_batch, 1024U);
    for (std::size_t i = 0; i < stretches.size(); ++i) {
      if (i > 0) {
        EXPECT_EQ(stretches[i].from_batch, stretches[i - 1].to_batch + 1) << model;
      }
      for (const auto batch : {stretches[i].from_batch, stretches[i].to_batch}) {
        const auto asked = answer(request(model, batch));
        EXPECT_EQ(asked.kind, stretches[i].kind) << model << " batch " << batch;
        if (!stretches[i].winner.empty()) {
          EXPECT_THAT(asked.winner, Contains(stretches[i].winner.front())) << batch;
        }
      }
    }
  }
}

TEST(Stretches, AWireThatCostsNothingNeverChangesTheAnswer) {
  const auto free = decide(request("Llama-3.1-8B", 1, flat(FabricKind::kEngine, 1e-9))).stretches;
  ASSERT_EQ(free.size(), 1U);
  EXPECT_THAT(free.front().winner, ElementsAre("tp2"));
}

TEST(Stretches, OnlyAFabricThatDecidesHasThem) {
  EXPECT_TRUE(
      decide(request("Llama-3.1-8B", 1, flat(FabricKind::kLoopback, 1e-6))).stretches.empty());
}

TEST(Fallbacks, EachPathHasItsOwnCurveOrNone) {
  auto asked = request("Qwen3.6-27B-FP8", 1);
  auto socket = flat(FabricKind::kEngine, 500e-6);
  socket.path = FabricPath::kTcp;
  asked.fabrics.push_back(socket);
  const auto fallbacks = decide(asked).fallbacks;
  ASSERT_EQ(fallbacks.size(), 3U);
  EXPECT_EQ(fallbacks[0].path, FabricPath::kRoceBoth);
  EXPECT_EQ(fallbacks[0].fabric, "dgx-spark-roce");
  EXPECT_NEAR(fallbacks[0].tokens_per_s, 14.2, .2);
  EXPECT_EQ(fallbacks[1].path, FabricPath::kRoceOne);
  EXPECT_EQ(fallbacks[1].fabric, "") << "nobody measured one half";
  EXPECT_NEAR(*fallbacks[1].break_even_s, 484e-6, 10e-6);
  EXPECT_EQ(fallbacks[1].rival, "tp1");
  EXPECT_EQ(fallbacks[2].fabric, "flat");
  // By hand: 61.7 ms of reading weights and KV, 0.7 of state, 129 x 500 us and the logits' half of
  // one, 5 ms fixed.
  EXPECT_NEAR(fallbacks[2].step_s, 61.7e-3 + 0.7e-3 + 129.5 * 500e-6 + 5e-3, 0.1e-3);
}

TEST(Fallbacks, TwoNetworksOfOneKindAreTwo) {
  auto asked = request("Qwen3.6-27B-FP8", 1);
  for (const auto* const name : {"nccl-socket-control", "nccl-socket-fast"}) {
    auto socket = flat(FabricKind::kEngine, 500e-6);
    socket.path = FabricPath::kTcp;
    socket.name = name;
    asked.fabrics.push_back(socket);
  }
  const auto fallbacks = decide(asked).fallbacks;
  ASSERT_EQ(fallbacks.size(), 4U);
  EXPECT_EQ(fallbacks[2].fabric, "nccl-socket-control");
  EXPECT_EQ(fallbacks[3].fabric, "nccl-socket-fast");
}

TEST(Fallbacks, EachBreakEvenIsThatOfItsOwnTable) {
  auto asked = request("MiniMax-M2.7:nvfp4", 1);
  auto socket = flat(FabricKind::kEngine, 500e-6);
  socket.path = FabricPath::kTcp;
  asked.fabrics.push_back(socket);
  const auto decision = decide(asked);
  for (const auto& fallback : decision.fallbacks) {
    if (fallback.fabric.empty()) {
      EXPECT_FALSE(fallback.break_even_s) << "only the pipeline fits too, and it needs a fabric";
      continue;
    }
    const auto row = std::ranges::find_if(decision.rows, [&](const Row& candidate) {
      return candidate.strategy == "tp2" && candidate.fabric == fallback.fabric;
    });
    EXPECT_EQ(fallback.break_even_s, row->break_even_s) << fallback.fabric;
  }
}

TEST(Decide, AnswersOfSeveralFabricsNameTheirs) {
  auto asked = request("Llama-3.1-8B", 1);
  asked.fabrics.push_back(flat(FabricKind::kEngine, 5e-3));
  const auto answers = decide(asked).answers;
  EXPECT_THAT(answers[0].sentence, HasSubstr("batch 1, with dgx-spark-roce: TP=2"));
  EXPECT_THAT(answers[1].sentence, HasSubstr("batch 1, with flat: one machine"));
}

TEST(Fallbacks, MpiOverTcpStandsInButIsNotTheEnginesPath) {
  auto asked = request("Qwen3.6-27B-FP8", 1);
  auto mpi = flat(FabricKind::kHostMpi, 100e-6);
  mpi.path = FabricPath::kTcp;
  asked.fabrics.push_back(mpi);
  const auto tcp = decide(asked).fallbacks.at(2);
  EXPECT_EQ(tcp.fabric, "flat");
  EXPECT_FALSE(tcp.decides);
}

TEST(Fallbacks, ThereAreNoneWhereTensorParallelismIsImpossible) {
  EXPECT_TRUE(decide(request("MiniMax-M2.7:bf16", 1)).fallbacks.empty());
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
  EXPECT_EQ(json["stretches"][0]["from_batch"], 1);
  EXPECT_EQ(json["stretches"][0]["winner"], Json::array({"tp2"}));
  ASSERT_EQ(json["fallbacks"].size(), 3U);
  EXPECT_EQ(json["fallbacks"][0]["path"], "roce_both");
  EXPECT_EQ(json["fallbacks"][0]["fabric"], "dgx-spark-roce");
  EXPECT_TRUE(json["fallbacks"][2]["fabric"].is_null());
  EXPECT_TRUE(json["fallbacks"][2]["tokens_per_s"].is_null()) << "not measured is not 0";
  EXPECT_TRUE(json["fallbacks"][2]["break_even_allreduce_s"].is_null());
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
