// explain and calibrate as a user runs them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "own_folder.h"
#include "run_report.h"

namespace wiretax {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kQwen = "--model Qwen3.6-27B-FP8 ";

TEST(ExplainCli, TheFirstLineIsTheAnswer) {
  const auto result = run("explain " + kQwen +
                          "--strategy tp2 --observed c1=8.1,pp512=601 "
                          "--baseline pp512=931");
  EXPECT_EQ(result.code, 0) << result.output;
  EXPECT_THAT(result.output.substr(0, result.output.find('\n')),
              AllOf(HasSubstr("10 GbE"), HasSubstr("over TCP")));
  EXPECT_THAT(result.output, AllOf(HasSubstr("confirms:"), HasSubstr("next: ")));
}

TEST(ExplainCli, WrongUsageIsOneLineAndCodeTwo) {
  for (const auto* const arguments :
       {"explain", "explain --model Qwen3.6-27B-FP8", "explain --example nope",
        "explain --model Qwen3.6-27B-FP8 --observed c1=nan",
        "explain --model Qwen3.6-27B-FP8 --observed c1=8,c1=9",
        "explain --model Qwen3.6-27B-FP8 --observed c1=8 --strategy tp5",
        "explain --model Qwen3.6-27B-FP8 --observed c1=8 --strategy xx",
        "explain --model Qwen3.6-27B-FP8 --observed c1=8 --tokens-per-step 0",
        "explain --model Qwen3.6-27B-FP8 --observed c1=8 --tokens-per-step nan",
        "explain --model nope --observed c1=8",
        "explain --example qwen3.6-tp2 --model Qwen3.6-27B-FP8 --observed c1=8",
        "explain --model Qwen3.6-27B-FP8 --observed tg128=1e-300", "calibrate --model Llama-3.1-8B",
        "calibrate --model Llama-3.1-8B --from c1=fast"}) {
    const auto result = run(arguments);
    EXPECT_EQ(result.code, 2) << arguments << ": " << result.output;
    EXPECT_THAT(result.output, StartsWith("error: ")) << arguments;
    EXPECT_EQ(std::ranges::count(result.output, '\n'), 1) << result.output;
  }
}

TEST(ExplainCli, ExamplesAreListedAndAllRun) {
  EXPECT_THAT(run("explain --list-examples").output, HasSubstr("qwen3.6-tp2"));
  EXPECT_THAT(run("explain --example nope").output, HasSubstr("cluster-review"));
  for (const auto* const name :
       {"qwen3.6-tp2", "cluster-review", "tp-lesson", "roce-article", "simulator"}) {
    EXPECT_EQ(run("explain --example " + std::string(name)).code, 0) << name;
  }
}

TEST(ExplainCli, JsonHasWhatTheTextHas) {
  const auto result = run("explain --json --example cluster-review");
  const auto json = nlohmann::json::parse(result.output);
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["claims"].size(), 3U);
  EXPECT_EQ(json["conflicts"].size(), 1U);
  EXPECT_GT(json["claims"][1]["readings"][0]["all_reduce"]["each_s"]["low"], 3e-3);
}

TEST(ExplainCli, WhatAFileSaysBesideItsTestsIsSaid) {
  const auto result =
      run("explain " + kQwen + "--observed " WIRETAX_TEST_DATA "/observations/llama-benchy.json");
  EXPECT_EQ(result.code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("llama-benchy calls the model '"));
}

TEST(ExplainCli, FilesThatDoNotCountAreNamed) {
  const auto result = run("explain " + kQwen +
                          "--observed c1=8.1 " WIRETAX_TEST_DATA "/importers/iperf3-3.12.json");
  EXPECT_EQ(result.code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("iperf3-3.12.json: no collectives in it"));
}

TEST(DecideCli, AHoleInTheCurveIsNeverSilent) {
  const auto folder = own_folder();
  std::filesystem::create_directories(folder);
  const auto file = (folder / "hole.json").string();
  std::ofstream(file) << R"({"context": {"wiretax_schema": 1, "wiretax_status": "complete",
    "wiretax_fabric": "holey", "wiretax_fabric_kind": "engine"}, "benchmarks": [
    {"name": "all_reduce/backend:nccl/timing:chained/bytes:1024", "real_time": 20,
     "time_unit": "us", "bytes": 1024, "ranks": 2, "label": "valid"},
    {"name": "all_reduce/backend:nccl/timing:chained/bytes:1073741824", "real_time": 50000,
     "time_unit": "us", "bytes": 1073741824, "ranks": 2, "label": "valid"}]})";
  const auto decided = run("decide " + kQwen + "--batch 1 " + file);
  EXPECT_THAT(decided.output, HasSubstr("not measured, taken as"));
  const auto detailed = run("decide --json " + kQwen + "--batch 1 " + file);
  EXPECT_THAT(detailed.output, HasSubstr("all_reduce between 1 KiB and 1 GiB was not measured"));
  EXPECT_THAT(run("scale " + file).output, HasSubstr("p was not measured: interpolated"));
  std::filesystem::remove_all(folder);
}

TEST(CalibrateCli, AFileOfLlamaBenchyBecomesAMachineThatDecideTakes) {
  const auto folder = own_folder();
  std::filesystem::create_directories(folder);
  const auto machine = (folder / "machine.json").string();
  const auto fitted =
      run("calibrate " + kQwen + "--from " WIRETAX_TEST_DATA "/observations/llama-benchy.json -o " +
          machine);
  EXPECT_EQ(fitted.code, 0) << fitted.output;
  EXPECT_THAT(fitted.output, AllOf(HasSubstr("TFLOP/s"), HasSubstr("wrote ")));
  const auto decided = run("decide " + kQwen + "--batch 1 --machine " + machine);
  EXPECT_EQ(decided.code, 0);
  EXPECT_THAT(decided.output, HasSubstr("dgx-spark, calibrated"));
  EXPECT_EQ(run("explain " + kQwen + "--observed pp512=601 --machine " + machine).code, 0);
  std::filesystem::remove_all(folder);
}

TEST(CalibrateCli, WhatCannotBeUsedIsCodeFive) {
  EXPECT_EQ(run("calibrate " + kQwen + "--from nowhere.json").code, 5);
  EXPECT_EQ(run("calibrate " + kQwen + "--from c1=22.6").code, 5);
}

}  // namespace
}  // namespace wiretax
