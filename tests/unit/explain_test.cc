#include "report/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "report/catalogue.h"
#include "report/units.h"

namespace wiretax {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

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
              AllOf(HasSubstr("not possible"), HasSubstr("2.23 tokens a step (what")));
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
  EXPECT_THAT(explain(claim, published()).notes, ElementsAre(HasSubstr("26 % faster")));
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
