// What decide says of drafts, caches, other strategies and whole requests.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "run_report.h"

namespace wiretax {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Json = nlohmann::json;

const std::string kOneAnswer = "decide --model Qwen3.6-27B-FP8 --batch 8 ";

TEST(DecideWorkload, DraftsAreInTheAnswerAndTheAssumptions) {
  const auto plain = Json::parse(run(kOneAnswer + "--json").output);
  const auto json = Json::parse(run(kOneAnswer + "--json --drafts 3 --accepted 2").output);
  EXPECT_EQ(json["assumptions"]["drafts"], 3);
  EXPECT_GT(json["rows"][1]["step_s"]["mid"], plain["rows"][1]["step_s"]["mid"]);
  // Eight sequences get their token and two accepted drafts each.
  EXPECT_NEAR(json["rows"][1]["tokens_per_s"]["mid"].get<double>() *
                  json["rows"][1]["step_s"]["mid"].get<double>(),
              24, 1e-9);
  EXPECT_THAT(run("decide --model Llama-3.1-8B --batch 1 --drafts 3 --accepted 2").output,
              HasSubstr("Llama-3.1-8B has no draft layers"));
}

TEST(DecideWorkload, AnFp8CacheIsSaid) {
  const auto kv_s = [](const std::string& option) {
    const auto json =
        Json::parse(run("decide --model Llama-3.1-8B --batch 8 --json" + option).output);
    return json["rows"][0]["parts_s"]["kv"].get<double>();
  };
  EXPECT_NEAR(kv_s(" --kv fp8") / kv_s(""), .5, 1e-9);
  EXPECT_THAT(run("decide --model Llama-3.1-8B --batch 8 --kv fp8").output,
              HasSubstr("KV cache in fp8"));
  const auto json = Json::parse(run(kOneAnswer + "--json --kv fp8").output);
  EXPECT_EQ(json["assumptions"]["kv_bits"], 8);
}

TEST(DecideWorkload, OtherStrategiesHaveColumnsAndReasons) {
  const auto result = run("decide --model gpt-oss-120b --batch 8 --strategies sp,ep,ep-alltoall");
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.output, AllOf(HasSubstr("tp2sp"), HasSubstr("ep2"), HasSubstr("ep2a2a")));
  EXPECT_THAT(run(kOneAnswer + "--strategies ep").output,
              HasSubstr("a dense model has no experts to deal out"));
}

TEST(DecideWorkload, WithoutAPrefillRateServingIsUnknown) {
  const auto shape = kOneAnswer + "--input 1024 --output 512 ";
  EXPECT_THAT(run(shape).output, AllOf(HasSubstr("Requests of 1024 tokens in and 512 out"),
                                       HasSubstr("unknown"), HasSubstr("--prefill-tflops")));
  const auto unknown = Json::parse(run(shape + "--json").output)["rows"][1];
  EXPECT_TRUE(unknown["prefill"]["time_s"].is_null());
  EXPECT_TRUE(unknown["prefill"]["wire_s"].is_number());
  EXPECT_TRUE(unknown["serving"]["output_tokens_per_s"].is_null());
  EXPECT_TRUE(unknown["serving"]["token_interval_s"]["mid"].is_number());
  const auto known = Json::parse(run(shape + "--json --prefill-tflops 30,50,70").output)["rows"][1];
  EXPECT_TRUE(known["prefill"]["time_s"]["mid"].is_number());
  EXPECT_TRUE(known["serving"]["output_tokens_per_s"]["mid"].is_number());
  EXPECT_THAT(run(shape + "--prefill-tflops 50").output, Not(HasSubstr("unknown")));
}

TEST(DecideWorkload, AShapeSaysWhichContextThereIsAndThatTheAnswerIsOfDecoding) {
  const auto result = run(kOneAnswer + "--input 8192 --output 64");
  EXPECT_THAT(result.output, AllOf(StartsWith("Qwen3.6-27B-FP8 (fp8), batch 8, decoding alone: "),
                                   HasSubstr("8224 tokens of context")));
  EXPECT_THAT(run(kOneAnswer + "--input 8192 --output 64 --context 100").output,
              HasSubstr("100 tokens of context"));
}

// Reading long prompts is what replicas do best, decoding what tensor parallelism does best.
TEST(DecideWorkload, WithAPrefillRateTheAnswerIsOfWholeRequests) {
  const std::string batch = "decide --model Qwen3.6-27B-FP8 --batch 16 ";
  const auto arguments =
      batch + "--input 8192 --output 64 --prefill-tflops 30,50,70 --strategies sp";
  const auto text = run(arguments).output;
  EXPECT_THAT(text, AllOf(StartsWith("Qwen3.6-27B-FP8 (fp8), batch 16, requests of 8192 tokens in "
                                     "and 64 out: 2 replicas, "),
                          HasSubstr(" output tokens/s against "), Not(HasSubstr("; holds while")),
                          HasSubstr("the answer is for whole requests"),
                          HasSubstr("The answer by batch, for whole requests")));
  const auto json = Json::parse(run(arguments + " --json").output);
  const auto& rows = json["rows"];
  const auto* best = &rows[0];
  for (const auto& row : rows) {
    const auto output = [](const Json& of) {
      return of["serving"]["output_tokens_per_s"]["mid"].get<double>();
    };
    if (output(row) > output(*best)) best = &row;
  }
  EXPECT_EQ((*best)["strategy"], "replicas2");
  EXPECT_EQ(json["answers"][0]["winner"][0], "replicas2");
  for (const auto& stretch : json["stretches"]) {
    if (stretch["from_batch"] > 16 || stretch["to_batch"] < 16) continue;
    EXPECT_EQ(stretch["winner"][0], "replicas2");
  }
  // One that decoding alone would choose.
  EXPECT_EQ(
      Json::parse(run(batch + "--input 8192 --output 64 --json").output)["answers"][0]["winner"][0],
      "tp2");
}

// Two machines halve what computing takes, and their messages take what they take.
TEST(DecideWorkload, APrefillRateThatIsARangeIsASideOfTheBox) {
  const auto answer = [](const std::string& rate) {
    return Json::parse(run("decide --model Qwen3.6-27B-FP8 --batch 1 --input 8192 --output 2 "
                           "--json --prefill-tflops " +
                           rate)
                           .output)["answers"][0];
  };
  EXPECT_EQ(answer("30")["winner"][0], "tp2");
  EXPECT_EQ(answer("2000")["winner"][0], "tp1");
  const auto either = answer("30,30,2000");
  EXPECT_EQ(either["verdict"], "too_close");
  EXPECT_THAT(either["sentence"].get<std::string>(),
              HasSubstr("prompts read at 2e+03 TFLOP/s would change the order"));
}

TEST(DecideWorkload, RequestsThatDoNotFitAtTheirLongestAreOutOfTheAnswer) {
  const auto result =
      run("decide --model Llama-3.1-70B:fp8 --batch 32 --input 1000 --output 8000 --json "
          "--prefill-tflops 50");
  const auto json = Json::parse(result.output);
  const auto& replicas = json["rows"][3];
  EXPECT_EQ(replicas["strategy"], "replicas2");
  EXPECT_TRUE(replicas["fits"].get<bool>());  // at the mean length
  EXPECT_TRUE(replicas["serving"]["reason"].is_string());
  EXPECT_EQ(json["answers"][0]["winner"], Json({"tp2"}));
  EXPECT_THAT(json["answers"][0]["sentence"].get<std::string>(),
              AllOf(HasSubstr("with PP=2"), Not(HasSubstr("replicas"))));
}

TEST(DecideWorkload, OneModelInTwoFormsIsTwoModels) {
  const auto result = run("decide --model Qwen3-32B:fp8,Qwen3-32B:bf16 --batch 1");
  EXPECT_THAT(result.output, AllOf(HasSubstr("\nQwen3-32B:fp8  "), HasSubstr("\nQwen3-32B:bf16  "),
                                   HasSubstr("\nQwen3-32B:fp8 (dgx-spark-roce): 1 to "),
                                   HasSubstr("\nQwen3-32B:bf16 (dgx-spark-roce): 1 to ")));
}

TEST(DecideWorkload, WithoutAShapeThereIsNoServing) {
  const auto row = Json::parse(run(kOneAnswer + "--json").output)["rows"][1];
  EXPECT_TRUE(row["prefill"].is_null());
  EXPECT_TRUE(row["serving"].is_null());
  EXPECT_FALSE(row.contains("why"));
}

TEST(DecideWorkload, WhyPrintsEveryRowsDerivation) {
  const auto result = run(kOneAnswer + "--why");
  EXPECT_THAT(result.output, AllOf(HasSubstr("tp2 on dgx-spark-roce"),
                                   HasSubstr("128 x all_reduce of 81920 B over 2"),
                                   HasSubstr("log-log across the hole between 65536 B in 66 us")));
  EXPECT_TRUE(Json::parse(run(kOneAnswer + "--why --json").output)["rows"][1]["why"].is_array());
}

TEST(DecideWorkload, OptionsThatMakeNoSenseAreSaid) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"--drafts 1 --accepted 2", "--accepted: 2 of 1 drafts cannot be right"},
      {"--strategies zp", "strategy 'zp' is not known"},
      {"--kv int4", "--kv: 'int4' is not bf16 or fp8"},
      {"--input 10", "--input requires --output"},
      {"--output 10", "--output requires --input"},
      {"--chunk 512", "--chunk requires --input"},
      {"--prefill-tflops 50", "--prefill-tflops requires --input"},
      {"--input 10 --output 10 --prefill-tflops 3,2,1", "--prefill-tflops"},
      {"--input 10 --output 10 --prefill-tflops -1", "--prefill-tflops"},
      {"--drafts 2", "--drafts requires --accepted"},
      {"--drafts 2 --accepted nan", "'nan' is not a number from 0 to 64"},
      {"--bandwidth nan", "'nan' is not a number"},
      {"--memory-gib nan", "'nan' is not a number"},
      {"--bandwidth 1x", "'1x' is not a number"},
  };
  for (const auto& [options, complaint] : cases) {
    const auto result = run(kOneAnswer + options);
    EXPECT_EQ(result.code, 2) << options;
    EXPECT_THAT(result.output, AllOf(StartsWith("error: "), HasSubstr(complaint))) << options;
  }
}

}  // namespace
}  // namespace wiretax
