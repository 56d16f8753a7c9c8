// wiretax-report as a user runs it: what it prints, and its exit codes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "own_folder.h"
#include "run_report.h"

namespace wiretax {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Json = nlohmann::json;

Json point(const std::string& name, double time_us, const std::string& label = "valid") {
  const auto bytes = std::stoull(name.substr(name.rfind(':') + 1));
  return {{"name", name},
          {"run_type", "iteration"},
          {"real_time", time_us},
          {"time_unit", "us"},
          {"bytes", bytes},
          {"ranks", 2},
          {"samples", 12},
          {"Gbps", 9.0},
          {"bound_Gbps", 10.0},
          {"label", label},
          {"mean_lo_us", time_us * .99},
          {"mean_hi_us", time_us * 1.01}};
}

Json collectives(const std::string& status) {
  const std::string prefix =
      "all_reduce/backend:mpi/interface:lo/type:bfloat16/place:out/timing:chained/bytes:";
  return {{"context",
           {{"wiretax_schema", 1},
            {"wiretax_status", status},
            {"wiretax_program", "wiretax-collectives"},
            {"wiretax_fabric", "mpi lo"},
            {"wiretax_fabric_kind", "loopback"}}},
          {"benchmarks",
           Json::array({point(prefix + "4096", 20), point(prefix + "65536", 90, "suspect: drifts"),
                        Json{{"name", prefix + "131072"},
                             {"error_occurred", true},
                             {"error_message", "invalid: wrong data"}}})}};
}

class ReportCli : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }

  std::filesystem::path folder_ = own_folder();
};

TEST_F(ReportCli, HelpAndVersionAreNoErrors) {
  const auto help = run("--help");
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.output, AllOf(HasSubstr("decide"), HasSubstr("Exit codes")));
  EXPECT_THAT(run("--version").output, StartsWith("wiretax-report "));
}

TEST_F(ReportCli, WrongUsageIsOneLineAndCodeTwo) {
  for (const auto* const arguments :
       {"", "frobnicate", "decide --ranks 1", "decide --ranks x", "decide --batch 0",
        "decide --batch 1000000000000", "decide --eta 2", "decide --eta nan", "decide --gamma 0,1",
        "decide --memory-gib 3", "model nope", "decide --model nope", "decide --machine nope",
        "decide --published nope", "model Llama-3.1-8B:int3", "decide --color maybe", "summary",
        "status"}) {
    const auto result = run(arguments);
    EXPECT_EQ(result.code, 2) << arguments << ": " << result.output;
    EXPECT_THAT(result.output, StartsWith("error: ")) << arguments;
    EXPECT_EQ(std::ranges::count(result.output, '\n'), 1) << result.output;
  }
}

TEST_F(ReportCli, AFileThatCannotBeUsedIsNamedWithCodeFive) {
  const auto truncated = write("tcp.json", collectives("complete").dump().substr(0, 300));
  for (const auto& arguments :
       {"summary " + truncated, "decide " + truncated, "model " + truncated,
        "summary " + folder_.string() + "/none.json", "decide --machine " + truncated}) {
    const auto result = run(arguments);
    EXPECT_EQ(result.code, 5) << arguments;
    EXPECT_THAT(result.output, AllOf(StartsWith("error: "), HasSubstr(".json")));
  }
}

TEST_F(ReportCli, DecideBeginsWithWhatOnlyResultsShow) {
  auto row = point("rdma_write_bandwidth/link:rocep1s0f0/from:0/to:1/bytes:1048576", 100);
  row["mtu"] = 1024;
  write("collectives-mpi-lo.json", collectives("complete").dump());
  write("rdma.json", Json{{"context", {{"wiretax_schema", 1}, {"wiretax_program", "wiretax-rdma"}}},
                          {"benchmarks", {row}}}
                         .dump());
  const auto result = run("decide --model Llama-3.1-8B --batch 1 " + folder_.string());
  EXPECT_EQ(result.code, 0);
  EXPECT_LT(result.output.find("mtu-1500"), result.output.find("Tokens/s")) << result.output;
}

TEST_F(ReportCli, SummaryShowsEveryPointAndItsVerdict) {
  write("collectives-mpi-lo.json", collectives("complete").dump());
  const auto result = run("summary " + folder_.string());
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.output,
              AllOf(StartsWith("3 points in 1 file: 1 valid, 1 suspect, 0 skipped, 1 invalid."),
                    HasSubstr("wiretax-collectives (collectives-mpi-lo.json, mpi lo)"),
                    HasSubstr("+-1.0 %"), HasSubstr("90.0"), HasSubstr("SUSPECT: drifts"),
                    HasSubstr("INVALID: wrong data"), Not(HasSubstr("\033"))));
  EXPECT_THAT(run("summary --color always " + folder_.string()).output, HasSubstr("\033["));
}

TEST_F(ReportCli, SummaryOfAnEmptyFolderIsAnError) {
  EXPECT_EQ(run("summary " + folder_.string()).code, 5);
}

TEST_F(ReportCli, APathThatLeadsNowhereIsTheEnvironmentsFault) {
  const auto loop = folder_ / "loop";
  std::filesystem::create_symlink(loop, loop);
  for (const std::string command : {"summary ", "status "}) {
    const auto result = run(command + loop.string());
    EXPECT_EQ(result.code, 5) << command << result.output;
    EXPECT_THAT(result.output, HasSubstr("loop: "));
  }
}

TEST_F(ReportCli, ModelPrintsPartsAndMessages) {
  const auto result = run("model qwen3.6-27b --batch 1,32");
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.output,
              AllOf(HasSubstr("Qwen3.6-27B-FP8 (fp8): 26.90 B parameters, 25.62 B active"),
                    HasSubstr("[derived]"), HasSubstr("linear_attention"), HasSubstr("15892480"),
                    HasSubstr("128     10240"), HasSubstr("bits: the catalogue (fp8)"),
                    HasSubstr("state: 0.154 GB of linear attention"),
                    HasSubstr("draft: 1 module for multi-token prediction")));
  EXPECT_THAT(run("model gpt-oss-20b").output,
              HasSubstr("window: 12 of 24 layers keep no more than 128 tokens"));
  EXPECT_THAT(run("model deepseek-v3").output,
              AllOf(HasSubstr("cache: one vector of 576 for all heads"),
                    HasSubstr("bits: its quantization_config (fp8)")));
}

TEST_F(ReportCli, ModelAsJson) {
  const auto json = Json::parse(run("model gpt-oss-20b --batch 1 --json").output);
  EXPECT_EQ(json["quant"], "mxfp4");
  EXPECT_NEAR(json["parameters"]["total"].get<double>(), 20.91e9, 0.1e9);
  EXPECT_EQ(json["batches"][0]["tensor_parallel"][1]["bytes"], 5760);
  EXPECT_EQ(json["batches"][0]["tensor_parallel"][1]["count"], 48);
  EXPECT_EQ(json["bits"]["attention"], 16);
  EXPECT_EQ(json["bits_from"], "its quantization_config (mxfp4)");
  EXPECT_EQ(json["cache"]["window"], 128);
  EXPECT_TRUE(json["draft"].is_null());
}

TEST_F(ReportCli, ModelReadsTheUsersOwnConfig) {
  const auto path = std::string(WIRETAX_TEST_DATA) + "/models/Qwen--Qwen3-32B.json";
  EXPECT_THAT(run("model " + path + ":fp8").output, HasSubstr("(fp8): 32.76 B parameters"));
}

TEST_F(ReportCli, DecideWithoutFilesUsesThePublishedProfile) {
  const auto result = run("decide --model Llama-3.1-8B --batch 1");
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.output,
              AllOf(StartsWith("Llama-3.1-8B (bf16), batch 1: TP=2, 18 to 31 tokens/s against 10 "
                               "to 17 with one machine"),
                    HasSubstr("The answer by batch\nLlama-3.1-8B:bf16 (dgx-spark-roce): 1 to "),
                    HasSubstr("RoCE, one half"), HasSubstr("not measured"),
                    HasSubstr("dgx-spark-roce"), HasSubstr("assumptions: "),
                    HasSubstr("note: dgx-spark-roce: send_recv was not measured")));
}

TEST_F(ReportCli, DecideForManyCountsTheAnswersFirst) {
  const auto result = run("decide --model Llama-3.1-8B,Qwen3-32B --batch 1,8");
  EXPECT_THAT(result.output,
              AllOf(StartsWith("With dgx-spark-roce: tp2 for 4 of 4 models and batches.\n"),
                    Not(HasSubstr("silent fallback"))));
}

TEST_F(ReportCli, DecideNeverLetsLoopbackWin) {
  write("collectives-mpi-lo.json", collectives("complete").dump());
  const auto result =
      run("decide " + folder_.string() + " --model Llama-3.1-8B --batch 1,8 --json");
  EXPECT_EQ(result.code, 0);
  const auto json = Json::parse(result.output);
  int loopback = 0;
  for (const auto& answer : json["answers"]) {
    if (answer["fabric"] != "mpi lo") continue;
    ++loopback;
    EXPECT_EQ(answer["verdict"], "not_a_network");
    EXPECT_TRUE(answer["winner"].is_null());
  }
  EXPECT_EQ(loopback, 2);
  EXPECT_EQ(json["answers"].size(), 4U);  // and the published profile's
  const auto text = run("decide " + folder_.string() + " --model Llama-3.1-8B --batch 1,8").output;
  EXPECT_THAT(text, AllOf(HasSubstr("'mpi lo', measured here, were the network (it is none)"),
                          HasSubstr("'mpi lo' is loopback inside one machine, not a network"),
                          HasSubstr("suspect, among them: drifts")));
}

TEST_F(ReportCli, DecideSaysInDetailWhatAStepIsMadeOf) {
  const std::string command = "decide --model MiniMax-M2.7:nvfp4,gpt-oss-120b --batch 1,8";
  EXPECT_THAT(run(command).output, Not(HasSubstr("wire %")));
  EXPECT_THAT(run(command + " --detail").output,
              AllOf(HasSubstr("wire %"), HasSubstr("does not fit: 125.4 GiB")));
}

TEST_F(ReportCli, DecideWritesItsJsonBesideTheTable) {
  const auto out = (folder_ / "decide.json").string();
  EXPECT_EQ(run("decide --model gpt-oss-120b --batch 1 --out " + out).code, 0);
  std::ifstream stream(out);
  EXPECT_EQ(Json::parse(stream)["schema"], 1);
  EXPECT_EQ(run("decide --out /nonexistent/decide.json").code, 5);
}

TEST_F(ReportCli, AssumptionsAreTheUsersIfGiven) {
  const auto json = Json::parse(
      run("decide --model gpt-oss-120b --batch 1 --eta 0.7 --fixed-ms 4,5,6 --memory-gib 50 --json")
          .output);
  EXPECT_EQ(json["assumptions"]["efficiency"]["low"], .7);
  EXPECT_EQ(json["assumptions"]["efficiency"]["high"], .7);
  EXPECT_NEAR(json["assumptions"]["fixed_s"]["high"].get<double>(), .006, 1e-12);
  EXPECT_FALSE(json["rows"][0]["fits"]);
}

TEST_F(ReportCli, WithoutACurveForThatManyRanksThereIsNoAnswer) {
  const auto result = run("decide --ranks 3");
  EXPECT_EQ(result.code, 5);
  EXPECT_THAT(result.output, HasSubstr("no all_reduce of 3 ranks"));
}

TEST_F(ReportCli, FilesThatCannotDecideAreSaidFirst) {
  auto file = collectives("complete");
  file["benchmarks"] = Json::array(
      {point("all_reduce/backend:mpi/interface:lo/type:bfloat16/timing:isolated/bytes:8192", 9)});
  write("isolated.json", file.dump());
  const auto result = run("decide " + folder_.string() + " --model Llama-3.1-8B --batch 1");
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.output,
              StartsWith("Nothing in the given files can be decided with: mpi lo: no chained "
                         "all_reduce of 2 ranks, but isolated of 2 ranks"));
}

TEST_F(ReportCli, AFolderWithoutResultsIsAnErrorThatNamesIt) {
  for (const std::string command : {"decide ", "summary ", "status "}) {
    const auto result = run(command + folder_.string());
    EXPECT_EQ(result.code, 5) << command;
    EXPECT_THAT(result.output, HasSubstr(folder_.string() + ": there are no result files in it"));
  }
}

TEST_F(ReportCli, SummaryShowsTheGoodFilesBesideABadOne) {
  write("a.json", collectives("complete").dump());
  write("b.json", R"({"context": {"wiretax_schema": 1)");
  const auto result = run("summary " + folder_.string());
  EXPECT_EQ(result.code, 5);
  EXPECT_THAT(result.output,
              AllOf(HasSubstr("b.json: truncated"), HasSubstr("3 points in 1 file")));
}

TEST_F(ReportCli, StatusSaysHowProgramsEnded) {
  EXPECT_EQ(run("status " + write("a.json", collectives("complete").dump())).output,
            "a.json: complete\n");
  const auto killed = run("status " + write("b.json", collectives("running").dump()));
  EXPECT_EQ(killed.code, 6);
  EXPECT_THAT(killed.output, HasSubstr("b.json: still running, or killed"));
  const auto late = run("status " + write("c.json", collectives("7: rank 1 was late").dump()));
  EXPECT_EQ(late.code, 7);
  EXPECT_EQ(late.output, "c.json: rank 1 was late\n");
  const auto all = run("status " + folder_.string());
  EXPECT_EQ(all.code, 6);  // the first that is not complete
  EXPECT_EQ(std::ranges::count(all.output, '\n'), 3);
  EXPECT_EQ(run("status " + write("d.json", "{")).code, 5);
  EXPECT_EQ(run("status " + write("e.json", collectives("fine").dump())).code, 5);
}

TEST_F(ReportCli, TheListsShowWhatThereIs) {
  EXPECT_THAT(run("models").output, AllOf(HasSubstr("gpt-oss-120b"), HasSubstr("derived")));
  EXPECT_EQ(run("model").output, run("models").output);
  EXPECT_THAT(run("machines").output, AllOf(HasSubstr("dgx-spark"), HasSubstr("unverified")));
  EXPECT_THAT(run("profiles").output, AllOf(HasSubstr("dgx-spark-roce"), HasSubstr("28 us")));
}

}  // namespace
}  // namespace wiretax
