#include "report/explain/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "report/catalogue.h"
#include "report/units.h"

namespace wiretax {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

Claim claim_of(const char* model, const char* strategy, const char* observed,
               const char* baseline = nullptr) {
  Claim claim;
  claim.model = find_model(model);
  claim.model.state_bytes = 0;  // section 4 leaves it out
  claim.machine = find_machine("dgx-spark");
  const auto parsed = parse_layout(strategy);
  claim.layout = parsed.layout;
  claim.ranks = parsed.ranks;
  claim.observed = parse_observations(observed);
  if (baseline != nullptr) claim.baseline = parse_observations(baseline);
  claim.context = 1;
  return claim;
}

std::vector<Fabric> published() {
  const std::vector<ResultFile> files = {find_profile("dgx-spark-roce")};
  return fabrics_of(files, 2).usable;
}

Fit fit_of(const Explanation& explanation, std::string_view id) {
  return std::ranges::find(explanation.hypotheses, id, &Hypothesis::id)->fit;
}

const auto kArticle = "c1=8.1,c4=25.5,c8=40.9,pp512=601";

TEST(Explain, OneMachineHasACeilingOf10TokensPerSecond) {
  const auto claim = claim_of("Qwen3.6-27B-FP8", "tp1", "c1=22.6");
  const auto explanation = explain(claim, {});
  const auto& reading = explanation.readings.front();
  EXPECT_NEAR(reading.ceiling_tokens_per_s(), 10.15, .01);
  EXPECT_FALSE(reading.possible);
  EXPECT_NEAR(reading.needed_tokens_per_step, 2.23, .005);
  EXPECT_THAT(explanation.sentence,
              AllOf(HasSubstr("not possible"), HasSubstr("2.23 tokens a step (")));
  const auto memory = [](const char* observed) {
    const auto rough = claim_of("Qwen3.6-27B-FP8", "tp1", observed);
    return explain(rough, {}).readings.front().needed_bytes_per_s / kGigabyte;
  };
  EXPECT_NEAR(memory("c1=18"), 484, 1);
  EXPECT_NEAR(memory("c1=19"), 511, 1);
}

TEST(Explain, TokensAStepMakeItPossible) {
  auto claim = claim_of("Qwen3.6-27B-FP8", "tp1", "c1=22.6");
  claim.drafts = 2;
  claim.tokens_per_step = 2.9;
  EXPECT_TRUE(explain(claim, {}).possible());
  claim.tokens_per_step = 2.3;  // enough, were the two drafts' own reading free
  EXPECT_FALSE(explain(claim, {}).possible());
}

TEST(Explain, TheArticleRanOverTcp) {
  const auto claim = claim_of("Qwen3.6-27B-FP8", "tp2", kArticle, "pp512=931");
  const auto explanation = explain(claim, published());
  const auto& wire = *explanation.readings.front().wire;
  EXPECT_EQ(wire.count, 129U);  // not 28: two for each of 64 layers, one for the embedding
  EXPECT_EQ(wire.bytes, 10'240U);
  EXPECT_NEAR(wire.each_s.low, 269e-6, 2e-6);
  EXPECT_NEAR(wire.each_s.high, 552e-6, 2e-6);
  EXPECT_NEAR(explanation.readings.back().wire->each_s.high, 4.47e-3, 5e-6);
  EXPECT_EQ(fit_of(explanation, "healthy"), Fit::kRefuted);
  EXPECT_EQ(fit_of(explanation, "H1"), Fit::kConsistent);
  EXPECT_EQ(fit_of(explanation, "H2"), Fit::kPartly);
  EXPECT_THAT(explanation.sentence, AllOf(HasSubstr("10 GbE"), HasSubstr("over TCP"),
                                          HasSubstr("expect 11 to 18 tokens/s")));
}

TEST(Explain, SmallestAndLargestMessagePredictTheOthersLogLogButNotOnALine) {
  auto claim = claim_of("Qwen3.6-27B-FP8", "tp2", kArticle, "pp512=931");
  claim.model = find_model("Qwen3.6-27B-FP8");  // with the state that every sequence reads
  claim.context = 1024;
  const auto predictions = explain(claim, published()).predictions;
  ASSERT_THAT(predictions, SizeIs(2));
  EXPECT_NEAR(predictions[0].log_log / 25.5, 1, .08);
  EXPECT_NEAR(predictions[1].log_log / 40.9, 1, .03);
  EXPECT_GT(predictions[0].line / 25.5, 1.2);
  EXPECT_GT(predictions[1].line / 40.9, 1.4);
}

TEST(Explain, AHealthyRunIsCalledHealthy) {
  const auto claim = claim_of("Qwen3.6-27B-FP8", "tp2", "c1=14.2,pp512=1500", "pp512=931");
  const auto explanation = explain(claim, published());
  EXPECT_TRUE(explanation.possible());
  EXPECT_NE(fit_of(explanation, "H1"), Fit::kConsistent);
  EXPECT_THAT(explanation.sentence, Not(HasSubstr("over TCP")));
}

TEST(Explain, WhatIsExpectedOfAHealthyNetworkFitsIt) {
  for (const auto* const seen : {"c1=14.2", "c1=13"}) {
    const auto claim = claim_of("Qwen3.6-27B-FP8", "tp2", seen);
    const auto explanation = explain(claim, published());
    EXPECT_EQ(fit_of(explanation, "healthy"), Fit::kConsistent) << seen;
    EXPECT_EQ(fit_of(explanation, "H2"), Fit::kUntold) << seen;
    EXPECT_THAT(explanation.sentence, HasSubstr("RDMA as published fits it"));
    EXPECT_THAT(explanation.next, HasSubstr("wiretax-report decide"));
  }
}

TEST(Explain, TheSentenceSaysNothingThatTheHypothesesDoNot) {
  const auto claim = claim_of("Qwen3.6-27B-FP8", "tp2", "c1=13,pp512=1300", "pp512=931");
  const auto explanation = explain(claim, published());
  EXPECT_EQ(fit_of(explanation, "H1"), Fit::kRefuted);  // 46 to 84 Gb/s
  EXPECT_EQ(fit_of(explanation, "healthy"), Fit::kConsistent);
  EXPECT_THAT(explanation.sentence, AllOf(Not(HasSubstr("over TCP")), Not(HasSubstr("one TCP"))));
}

TEST(Explain, SocketsExplainALatencyThatRdmaDoesNotHave) {
  const auto claim = claim_of("Qwen3.6-27B-FP8", "tp2", "c1=8.1");
  const auto explanation = explain(claim, published());
  EXPECT_EQ(fit_of(explanation, "healthy"), Fit::kRefuted);
  EXPECT_EQ(fit_of(explanation, "H1"), Fit::kConsistent);
  EXPECT_EQ(fit_of(explanation, "H2"), Fit::kConsistent);
}

TEST(Explain, TheNearestCurveIsNamed) {
  auto fabrics = published();
  auto slow = fabrics.front();
  slow.name = "sockets";
  slow.kind = FabricKind::kEngine;
  slow.path = FabricPath::kTcp;
  const auto point = [](std::uint64_t bytes, double time_s) {
    return CurvePoint{bytes, time_s, {.8 * time_s, 1.2 * time_s}};
  };
  slow.all_reduce = Curve({point(8192, 400e-6), point(65536, 850e-6), point(400'000, 1.5e-3)});
  fabrics.push_back(slow);
  const auto claim = claim_of("Qwen3.6-27B-FP8", "tp2", "c1=8.1,c8=40.9");
  const auto explanation = explain(claim, fabrics);
  EXPECT_EQ(explanation.matches.front().fabric, "sockets");
  EXPECT_EQ(fit_of(explanation, "H1"), Fit::kConsistent);
  EXPECT_EQ(fit_of(explanation, "healthy"), Fit::kRefuted);
  EXPECT_THAT(explanation.sentence,
              AllOf(HasSubstr("times sockets's"), HasSubstr("With sockets expect"),
                    HasSubstr("With dgx-spark-roce expect 11 to 18 tokens/s")));
}

TEST(Explain, SizesThatNobodyMeasuredAreNoted) {
  const auto claim = claim_of("Qwen3.6-27B-FP8", "tp2", "c1=8.1,pp512=601", "pp512=931");
  EXPECT_THAT(explain(claim, published()).notes,
              Contains(HasSubstr("all_reduce between 64 KiB and 32 MiB was not measured")));
  auto fabrics = published();
  fabrics.front().all_reduce = Curve({{8192, 28e-6, {28e-6, 28e-6}}});
  EXPECT_THAT(explain(claim, fabrics).notes,
              Contains(HasSubstr("all_reduce beyond 8 KiB was not measured")));
}

TEST(Explain, AContextThatIsOnlyAssumedMakesNothingImpossible) {
  for (const auto* const seen : {"c128=2500", "tg128c128=2500"}) {
    auto claim = claim_of("Llama-3.1-8B", "tp2", seen);
    claim.context = 1024;
    const auto explanation = explain(claim, published());
    EXPECT_TRUE(explanation.possible()) << seen;
    EXPECT_THAT(explanation.notes, Contains(HasSubstr("is possible only with at most")));
  }
  auto claim = claim_of("Llama-3.1-8B", "tp2", "tg128@d1024c128=2500");
  EXPECT_FALSE(explain(claim, published()).possible());  // here it is told
}

TEST(Explain, TheOfferedTokensAStepAreEnough) {
  auto claim = claim_of("Qwen3.6-27B-FP8", "tp2", "c1=8.1,c1d8=40.09");
  claim.typed = {"Qwen3.6-27B-FP8", "c1=8.1,c1d8=40.09", {"--context", "1"}};
  const auto explanation = explain(claim, published());
  ASSERT_TRUE(explanation.readings.back().drafting);
  const auto& drafting = *explanation.readings.back().drafting;
  EXPECT_THAT(explanation.next,
              AllOf(StartsWith("wiretax-report explain --model Qwen3.6-27B-FP8 --strategy tp2 "
                               "--observed c1=8.1,c1d8=40.09 --context 1 --tokens-per-step 2."),
                    Not(HasSubstr("..."))));
  claim.tokens_per_step = drafting.tokens_per_step * 1.0001;
  claim.drafts = drafting.drafts;
  EXPECT_TRUE(explain(claim, published()).possible());
}

TEST(Explain, AnImpossiblePromptIsNotSaidToNeedDrafts) {
  const auto claim = claim_of("Qwen3.6-27B-FP8", "tp2", "pp512=3000", "pp512=931");
  EXPECT_THAT(explain(claim, published()).next,
              AllOf(Not(HasSubstr("--tokens-per-step")), HasSubstr("--baseline")));
}

TEST(Explain, GroupsInAPipelineDoSendMuch) {
  const auto claim = claim_of("Qwen3-32B", "tp2pp2", "c1=3");
  EXPECT_THAT(explain(claim, {}).readings.front().cannot,
              AllOf(HasSubstr("tensor parallelism alone"), Not(HasSubstr("so little"))));
}

TEST(Explain, ABaselineOfNoTestIsSaidToBe) {
  const auto claim = claim_of("Qwen3.6-27B-FP8", "tp2", "c1=8.1", "pp2048=900");
  EXPECT_THAT(explain(claim, published()).notes, Contains(HasSubstr("pp2048 is not used")));
}

TEST(Explain, MemoryIsCheckedForEveryTest) {
  const auto claim = claim_of("Llama-3.1-8B", "tp1", "c1=10,tg128@d1000000c64=10");
  EXPECT_THAT(explain(claim, {}).notes, Contains(HasSubstr("cannot run tg128 c64 @ d1000000")));
}

TEST(Explain, ManyTestsMakeFewNotes) {
  auto claim = claim_of("Llama-3.1-8B", "tp2", "c1=10");
  claim.observed.clear();
  for (std::uint64_t depth = 1; depth <= 300; ++depth) {
    Observation seen;
    seen.depth = depth;
    seen.context = depth;
    seen.tokens_per_s = 5 + real(depth) / 50;
    claim.observed.push_back(seen);
  }
  const auto explanation = explain(claim, {});
  EXPECT_THAT(explanation.notes, ElementsAre(HasSubstr("c1 @ d300 is 119 % faster than c1 @ d1")));
}

TEST(Explain, APromptWithoutABaselineSaysWhatItCannot) {
  const auto claim = claim_of("Qwen3.6-27B-FP8", "tp2", "c1=8.1,pp512=601");
  const auto explanation = explain(claim, published());
  const auto& prompt = explanation.readings.back();
  EXPECT_FALSE(prompt.wire);
  EXPECT_THAT(prompt.cannot, AllOf(HasSubstr("--baseline pp512=..."), HasSubstr("at least 6.35")));
  EXPECT_EQ(explanation.widest(), nullptr);
}

TEST(Explain, ABaselineStepNarrowsTheRest) {
  const auto wide = claim_of("Llama-3.1-8B", "tp2", "c1=20");
  const auto narrow = claim_of("Llama-3.1-8B", "tp2", "c1=20", "c1=13.5");
  const auto width = [](const Claim& claim) {
    const auto each = explain(claim, published()).readings.front().wire->each_s;
    return each.high - each.low;
  };
  EXPECT_LT(width(narrow), width(wide) / 3);
}

TEST(Explain, AnImpossibleBaselineIsNotUsed) {
  const auto claim = claim_of("Qwen3.6-27B-FP8", "tp2", "c1=8.1", "c1=22.6");
  EXPECT_THAT(explain(claim, published()).readings.front().cannot, HasSubstr("not used"));
}

TEST(Explain, MoreThanTwiceTheBaselineIsImpossible) {
  const auto claim = claim_of("Qwen3.6-27B-FP8", "tp2", "pp512=2000", "pp512=931");
  EXPECT_THAT(explain(claim, published()).sentence, HasSubstr("more than 2 times as fast"));
}

TEST(Explain, ALongerContextThatIsFasterIsNoise) {
  const auto claim = claim_of("Qwen3.6-27B-FP8", "tp2", "tg128@d4096=6.9,tg128@d16384=8.7");
  EXPECT_THAT(explain(claim, published()).notes, Contains(HasSubstr("26 % faster")));
}

TEST(Explain, ModelsThatDoNotDivideAreRefused) {
  const auto claim = claim_of("Qwen3.6-27B-FP8", "tp5", "c1=8.1");
  EXPECT_THROW(explain(claim, {}), std::invalid_argument);
  for (const auto* const wrong : {"", "tp", "tp0", "2", "tp2x", "tp2000", "ep2", "tp1000pp1000"}) {
    EXPECT_THROW(parse_layout(wrong), std::invalid_argument) << wrong;
  }
}

TEST(Explain, OneFabricCannotHaveBothTimesOfTheReview) {
  const auto review = find_example("cluster-review");
  std::vector<Explanation> explanations;
  for (const auto& claim : review.claims) explanations.push_back(explain(claim, published()));
  EXPECT_THAT(conflicts(explanations), ElementsAre(HasSubstr("720 KiB")));
  EXPECT_TRUE(explanations.front().possible());  // 555 of 756 tokens/s
  EXPECT_EQ(fit_of(explanations[1], "H4"), Fit::kConsistent);
  explanations[2].readings.front().wire->each_s = {1, 1, 1};
  EXPECT_THAT(conflicts(explanations), IsEmpty());
}

std::string statements_of(const char* name) {
  std::string all;
  for (const auto& statement : find_example(name).statements) all += statement + "\n";
  return all;
}

TEST(Examples, TheirStatementsAreWorkedOut) {
  EXPECT_THAT(statements_of("roce-article"),
              AllOf(HasSubstr("100.7 Gb/s, not 96"), HasSubstr("44.323 GB/s, 22.162 GB/s"),
                    HasSubstr("0.13 to 0.26 ms"), HasSubstr("3.6 to 5.3 ms"),
                    HasSubstr("0.58 ms; measured are 28 us")));
  EXPECT_THAT(statements_of("simulator"),
              AllOf(HasSubstr("not possible: 1.307 ms"), HasSubstr("40.6 us 5.20 ms"),
                    HasSubstr("20.0 ms"), HasSubstr("1291900 ns, not 1306794"),
                    HasSubstr("alone take 117 ms"), HasSubstr("19.0 ms a step")));
  EXPECT_THAT(statements_of("TP-lesson"), AllOf(HasSubstr("5.0, not 7"), HasSubstr("1.7 times")));
}

TEST(Examples, AreAllThere) {
  EXPECT_THAT(example_names(), SizeIs(5));
  EXPECT_THROW(find_example("nope"), UnknownName);
}

}  // namespace
}  // namespace wiretax
