// wiretax-report compare as a user runs it.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

class CompareCli : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  /// A run whose all-reduces of 4 and 64 KiB take these times.
  std::string run_of(const std::string& name, double small_us, double large_us, int mtu = 9000) {
    auto rows = Json::array();
    for (const auto& [bytes, time_us] : {std::pair{4096, small_us}, {65536, large_us}}) {
      rows.push_back(
          {{"name", fmt::format("all_reduce/backend:nccl/timing:chained/bytes:{}", bytes)},
           {"real_time", time_us},
           {"time_unit", "us"},
           {"bytes", bytes},
           {"mean_lo_us", time_us * .99},
           {"mean_hi_us", time_us * 1.01},
           {"label", "valid"}});
    }
    const Json json = {{"context",
                        {{"wiretax_schema", 1},
                         {"wiretax_status", "complete"},
                         {"wiretax_fabric", "nccl"},
                         {"mtu", mtu}}},
                       {"benchmarks", rows}};
    std::ofstream(folder_ / name) << json.dump();
    return (folder_ / name).string();
  }

  std::filesystem::path folder_ = own_folder();
};

TEST_F(CompareCli, ARegressionIsSaidFirstWithCodeFour) {
  const auto result = run("compare " + run_of("a.json", 20, 60) + " " + run_of("b.json", 20, 84));
  EXPECT_EQ(result.code, 4);
  EXPECT_THAT(result.output,
              AllOf(StartsWith("SLOWER: 1 of 2 points by over 5 %, at worst +40.0 % (+3"),
                    HasSubstr("bytes:65536; 0 faster, 1 the same, 0 ambiguous."),
                    HasSubstr("64 KiB"), Not(HasSubstr("\n 4 KiB")), HasSubstr("--all")));
}

TEST_F(CompareCli, WithAWiderThresholdThereIsNone) {
  const auto files = run_of("a.json", 20, 60) + " " + run_of("b.json", 20, 84);
  for (const std::string threshold : {"50%", "50"}) {
    EXPECT_EQ(run(fmt::format("compare --threshold {} {}", threshold, files)).code, 0);
  }
  for (const std::string threshold : {"much", "-1%", "nan", "5%%", "1e9", "''"}) {
    const auto result = run(fmt::format("compare --threshold={} {}", threshold, files));
    EXPECT_EQ(result.code, 2) << threshold << result.output;
    EXPECT_THAT(result.output, StartsWith("error: "));
  }
}

TEST_F(CompareCli, RunsThatAreTheSame) {
  std::filesystem::create_directory(folder_ / "b");
  run_of("b/b.json", 20, 60);
  const auto result =
      run(fmt::format("compare --all {} {}/b", run_of("a.json", 20, 60), folder_.string()));
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(
      result.output,
      AllOf(StartsWith("Of 2 points none is for certain slower by over 5 %: 0 faster, 2 the "
                       "same, 0 ambiguous.\n"),
            HasSubstr("4 KiB"), HasSubstr("SAME")));
}

TEST_F(CompareCli, WhatCannotBeComparedIsCodeThreeAndSaysWhatToType) {
  const auto files = run_of("a.json", 20, 60) + " " + run_of("b.json", 20, 84, 1500);
  const auto result = run("compare " + files);
  EXPECT_EQ(result.code, 3);
  EXPECT_THAT(result.output,
              AllOf(HasSubstr("2 not comparable; none of the points can be compared.\n"),
                    HasSubstr("mtu: 9000 and 1500"), HasSubstr("--changed mtu\n")));
  EXPECT_EQ(run("compare --changed mtu " + files).code, 4);
  const auto wrong = run("compare --changed nonsense " + files);
  EXPECT_EQ(wrong.code, 2);
  EXPECT_THAT(wrong.output, HasSubstr("'nonsense' is none of backend, fabric,"));
}

TEST_F(CompareCli, JsonHasTheSame) {
  const auto result =
      run("compare --json " + run_of("a.json", 20, 60) + " " + run_of("b.json", 20, 84));
  EXPECT_EQ(result.code, 4);
  const auto json = Json::parse(result.output);
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["exit_code"], 4);
  EXPECT_THAT(json["summary"].get<std::string>(), StartsWith("SLOWER: "));
  ASSERT_EQ(json["points"].size(), 2U);
  EXPECT_EQ(json["points"][1]["verdict"], "SLOWER");
  EXPECT_NEAR(json["points"][1]["ratio"]["mid"].get<double>(), 1.4, 1e-12);
}

TEST_F(CompareCli, OneFileTwiceIsNoComparison) {
  const auto path = run_of("a.json", 20, 60);
  const auto result = run(fmt::format("compare {} {}", path, path));
  EXPECT_EQ(result.code, 3);
  EXPECT_THAT(result.output, HasSubstr("A and B are the same measurements"));
}

TEST_F(CompareCli, FilesThatAreNoneAreNamed) {
  const auto result =
      run("compare " + run_of("a.json", 20, 60) + " " + folder_.string() + "/b.json");
  EXPECT_EQ(result.code, 5);
  EXPECT_THAT(result.output, AllOf(StartsWith("error: "), HasSubstr("b.json")));
  EXPECT_EQ(run("compare one.json").code, 2);
}

}  // namespace
}  // namespace wiretax
