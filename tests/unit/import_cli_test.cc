// wiretax-report import as a user runs it, and what the other commands make of other tools' files.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "imported.h"
#include "own_folder.h"
#include "report/result_json.h"
#include "run_report.h"

namespace wiretax {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

void expect_same(const ResultFile& a, const ResultFile& b) {
  EXPECT_EQ(a.context, b.context);
  ASSERT_EQ(a.records.size(), b.records.size());
  for (std::size_t i = 0; i < a.records.size(); ++i) {
    EXPECT_EQ(a.records[i].name, b.records[i].name);
    EXPECT_EQ(a.records[i].keys, b.records[i].keys);
    EXPECT_EQ(a.records[i].time_s, b.records[i].time_s) << a.records[i].name;
    EXPECT_EQ(a.records[i].counters, b.records[i].counters) << a.records[i].name;
    EXPECT_EQ(a.records[i].verdict, b.records[i].verdict);
    EXPECT_EQ(a.records[i].reason, b.records[i].reason);
  }
}

class ImportCli : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_ = own_folder();
  std::string out_ = (folder_ / "out.json").string();
};

TEST_F(ImportCli, WhatIsWrittenIsReadBackTheSame) {
  for (const auto* const name :
       {"nccl-tests-2.19.6-two-sparks.txt", "nccl-tests-version-4.json", "perftest-spark-gbits.txt",
        "perftest-6.06-ib_write_bw.txt", "perftest-6.06-ib_write_lat.json", "iperf3-3.12.json",
        "iperf3-3.12-killed.json", "iperf3-3.12-udp.json"}) {
    const auto file = imported(sample(name));
    write_result_file(file, out_);
    expect_same(file, read_result_file(out_));
  }
}

TEST_F(ImportCli, AnyTimeIsReadBackTheSame) {
  auto file = imported(sample("perftest-spark-lat.txt"));
  for (int i = 1; i < 2000; ++i) {
    file.records[0].time_s = 1.0 / (i * 977);
    std::ostringstream text;
    write_result_json(file, text);
    ASSERT_EQ(parse_result_file(text.str(), "x").records[0].time_s, file.records[0].time_s);
  }
}

TEST_F(ImportCli, PrintsProvenanceNotesAndPoints) {
  const auto result = run("import " + sample_path("perftest-write-bw.json"));
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.output, AllOf(HasSubstr("unit: MiB/s, inferred"), HasSubstr("64 KiB"),
                                   HasSubstr("rdma_write_bandwidth/link:mlx5_11")));
}

TEST_F(ImportCli, WritesAResultFileThatTheOthersRead) {
  const auto result = run("import " + sample_path("nccl-tests-2.19.6-two-sparks.txt") +
                          " --fabric cable -o " + out_);
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.output, StartsWith("8 points of nccl-tests in "));
  EXPECT_THAT(run("summary " + out_).output,
              AllOf(HasSubstr("nccl-tests 2.19.6, imported"), HasSubstr("note: ")));
  EXPECT_EQ(run("status " + out_).code, 0);
  EXPECT_THAT(
      run("decide " + folder_.string() + " --model Llama-3.1-8B --batch 1").output,
      AllOf(HasSubstr("with 'cable'"), HasSubstr("note: cable: all_reduce was timed pipelined")));
}

TEST_F(ImportCli, OtherToolsFilesAreReadWhereTheyAreNamed) {
  const auto path = sample_path("nccl-tests-2.19.6-two-sparks.txt");
  EXPECT_EQ(run("summary " + path).code, 0);
  const auto decided = run("decide " + path + " --model Llama-3.1-8B --batch 1");
  EXPECT_EQ(decided.code, 0);
  EXPECT_THAT(decided.output, HasSubstr("two-sparks.txt', measured by nccl-tests"));
  std::filesystem::copy(sample_path("iperf3-3.12.json"), folder_ / "iperf3.json");
  const auto folder = run("decide " + folder_.string());
  EXPECT_EQ(folder.code, 5);
  EXPECT_THAT(folder.output,
              HasSubstr("output of other tools, which is read where it is named: iperf3.json"));
}

TEST_F(ImportCli, SeveralFilesOfOneToolBecomeOne) {
  const auto bandwidth = sample_path("perftest-6.06-ib_write_bw.json");
  const auto latency = sample_path("perftest-6.06-ib_write_lat.json");
  EXPECT_THAT(run("import " + bandwidth + " " + latency + " -o " + out_).output,
              StartsWith("2 points of perftest"));
  EXPECT_EQ(read_result_file(out_).records.size(), 2U);
  const auto mixed =
      run("import " + bandwidth + " " + sample_path("iperf3-3.12.json") + " -o " + out_);
  EXPECT_EQ(mixed.code, 5);
  EXPECT_THAT(mixed.output, HasSubstr("files of their own"));
}

TEST_F(ImportCli, FilesOfOtherHostsAreNotJoined) {
  const auto two_hosts = sample_path("nccl-tests-2.19.6-two-sparks.txt");
  const auto one_host = (folder_ / "one.log").string();
  std::stringstream text;
  text << std::ifstream(two_hosts).rdbuf();
  auto changed = text.str();
  changed.replace(changed.find("spark-b"), 7, "spark-a");
  std::ofstream(one_host) << changed;
  const auto joined = run("import " + two_hosts + " " + one_host + " -o " + out_);
  EXPECT_EQ(joined.code, 5);
  EXPECT_THAT(joined.output, HasSubstr("two networks, which want a file each"));
  EXPECT_EQ(run("import " + two_hosts + " " + two_hosts + " -o " + out_).code, 0);
}

/// nccl-tests' sample, with every time that many times as long.
std::string slowed_sample(double factor) {
  std::istringstream lines(sample("nccl-tests-2.19.6-two-sparks.txt"));
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#') || line.find("sum") == std::string::npos) {
      text += line + "\n";
      continue;
    }
    std::istringstream words(line);
    std::string word;
    for (int column = 0; words >> word; ++column) {
      const bool time = column == 5 || column == 9;
      const bool rate = column == 6 || column == 7 || column == 10 || column == 11;
      if (time) word = fmt::format("{}", std::stod(word) * factor);
      if (rate) word = fmt::format("{}", std::stod(word) / factor);
      text += " " + word;
    }
    text += "\n";
  }
  return text;
}

TEST_F(ImportCli, TwoLogsAreComparedThoughTheyAreCalledOtherwise) {
  std::ofstream(folder_ / "before.log") << slowed_sample(1);
  std::ofstream(folder_ / "after.log") << slowed_sample(2);
  const auto logs = (folder_ / "before.log").string() + " " + (folder_ / "after.log").string();
  const auto result = run("compare " + logs);
  EXPECT_EQ(result.code, 3) << "twice as long, but without an interval nobody knows";
  EXPECT_THAT(result.output,
              AllOf(StartsWith("Of 8 points none is for certain slower"),
                    HasSubstr("8 ambiguous (of these slower in the middle: 8), 8 without an "
                              "interval; no point has an interval on both sides"),
                    HasSubstr("x 2"), Not(HasSubstr("NOT COMPARABLE"))));
}

TEST_F(ImportCli, SeveralLogsOfANetworkGiveAVerdict) {
  for (const auto& [side, factor] : {std::pair{"a", 1.}, {"b", 2.}}) {
    std::filesystem::create_directories(folder_ / side);
    for (const double start : {.99, 1., 1.01}) {
      const auto log = (folder_ / "start.log").string();
      std::ofstream(log) << slowed_sample(factor * start);
      const auto json = (folder_ / side / fmt::format("{}.json", start)).string();
      EXPECT_EQ(run(fmt::format("import {} --fabric cable -o {}", log, json)).code, 0);
    }
  }
  const auto result = run("compare " + (folder_ / "a").string() + " " + (folder_ / "b").string());
  EXPECT_EQ(result.code, 4) << result.output;
  EXPECT_THAT(result.output, StartsWith("SLOWER: 8 of 8 points"));
}

TEST_F(ImportCli, StartsWithoutANameForTheirNetworkAreToldToTakeOne) {
  for (const auto* const side : {"a", "b"}) {
    std::filesystem::create_directories(folder_ / side);
    for (const auto* const name : {"1", "2"}) {
      const auto log = (folder_ / fmt::format("{}{}.log", side, name)).string();
      std::ofstream(log) << slowed_sample(1);
      run(fmt::format("import {} -o {}/{}.json", log, (folder_ / side).string(), name));
    }
  }
  const auto result = run("compare " + (folder_ / "a").string() + " " + (folder_ / "b").string());
  EXPECT_EQ(result.code, 3);
  EXPECT_THAT(result.output, AllOf(HasSubstr("no point was measured in both"),
                                   HasSubstr("--fabric NAME -o FOLDER/FILE.json")));
}

TEST_F(ImportCli, WrongUseAndFilesThatCannotBeUsed) {
  const auto path = sample_path("perftest-write-bw.json");
  for (const auto& arguments :
       {"import", "import --format nope ", "import --unit parsecs ", "import --ranks 0 "}) {
    const auto result = run(arguments + (std::string(arguments) == "import" ? "" : path));
    EXPECT_EQ(result.code, 2) << result.output;
    EXPECT_EQ(std::ranges::count(result.output, '\n'), 1) << result.output;
  }
  for (const auto& arguments :
       {path + " --format osu", folder_.string(), folder_.string() + "/none",
        path + " -o " + folder_.string() + "/no/where.json"}) {
    const auto result = run("import " + arguments);
    EXPECT_EQ(result.code, 5) << result.output;
    EXPECT_THAT(result.output, StartsWith("error: "));
  }
  std::ofstream(folder_ / "colours.txt") << "# OSU MPI \033[31mLatency Test v1\n";
  const auto hostile = run("import " + (folder_ / "colours.txt").string());
  EXPECT_EQ(hostile.code, 5);
  EXPECT_THAT(hostile.output, Not(HasSubstr("\033")));
}

}  // namespace
}  // namespace wiretax
