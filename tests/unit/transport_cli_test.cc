// `wiretax-report transport` and `symptoms` as a user runs them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "nccl_logs.h"
#include "own_folder.h"
#include "run_report.h"

namespace wiretax {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Json = nlohmann::json;

class TransportCli : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return (folder_ / name).string();
  }

  std::string write_pair(const RankLog& one) const {
    return write("a.log", one.text()) + " " + write("b.log", other(one).text());
  }

  std::filesystem::path folder_ = own_folder();
};

TEST_F(TransportCli, RdmaIsZeroAndShowsWhichHalf) {
  RankLog one;
  one.before = "NCCL version 2.28.9+cuda13.0\n" + kIbLine;
  const auto result = run("transport " + write_pair(one));
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(
      result.output,
      AllOf(StartsWith(
                "RDMA: all channels between hosts go over NET/IB. 2 processes on 2 hosts, NCCL "
                "2.28.9+cuda13.0.\n"),
            HasSubstr("a.log:3: spark-a:4700:4709 [0] NCCL INFO Using network IB"),
            HasSubstr("b.log:"), HasSubstr("roceP2p1s0f1 (p1/B)"), HasSubstr("normal on GB10"),
            Not(HasSubstr("What to do"))));
}

TEST_F(TransportCli, TheVersionIsSaidWhereverItStands) {
  const auto path =
      write("all.log", "NCCL version 2.20.5+cuda12.4\n" + RankLog{}.text() + other({}).text());
  EXPECT_THAT(run("transport " + path).output, HasSubstr("on 2 hosts, NCCL 2.20.5+cuda12.4."));
}

TEST_F(TransportCli, SocketIsFiveWithReasonAndFix) {
  RankLog one{.network = "Socket", .via = "NET/Socket"};
  one.before = "NCCL_IB_DISABLE set by environment to 1.\n";
  const auto result = run("transport " + write_pair(one));
  EXPECT_EQ(result.code, 5);
  EXPECT_THAT(result.output,
              AllOf(StartsWith("SOCKET: "), HasSubstr("NCCL_IB_DISABLE=1 on host spark-b"),
                    HasSubstr("What to do\n  ib-disabled: unset NCCL_IB_DISABLE")));
}

TEST_F(TransportCli, WhatIsNotProvenIsThree) {
  EXPECT_EQ(run("transport " + write("a.log", RankLog{}.text())).code, 3);
  const auto other_program = run("transport " + write("b.log", "hello\n"));
  EXPECT_EQ(other_program.code, 3);
  EXPECT_EQ(std::ranges::count(other_program.output, '\n'), 1);
}

TEST_F(TransportCli, FilesThatCannotBeReadAreFive) {
  for (const auto& path : {folder_.string() + "/none.log", folder_.string()}) {
    const auto result = run("transport " + path);
    EXPECT_EQ(result.code, 5);
    EXPECT_THAT(result.output, StartsWith("error: " + path));
  }
  EXPECT_EQ(run("transport").code, 2);
}

TEST_F(TransportCli, ReadsStandardInput) {
  const auto path = write("all.log", RankLog{}.text() + other({}).text());
  const auto result = run("transport - < " + path);
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.output, HasSubstr("standard input:1: "));
}

TEST_F(TransportCli, JsonHoldsTheSame) {
  RankLog one{.network = "Socket", .via = "NET/Socket"};
  one.before = "NET/IB : No device found.\n";
  one.after = "AllReduce: 8192 Bytes -> Algo RING proto LL channel{Lo..Hi}={0..1}\n";
  const auto result = run("transport --json " + write_pair(one));
  EXPECT_EQ(result.code, 5);
  const auto json = Json::parse(result.output);
  EXPECT_EQ(json["verdict"], "SOCKET");
  const auto& job = json["jobs"][0];
  EXPECT_EQ(job["findings"][0]["symptom"], "no-usable-device");
  EXPECT_EQ(job["communicators"][0]["ranks"][1]["network"], "Socket");
  EXPECT_EQ(job["communicators"][0]["ranks"][1]["channels"][0]["index"], 0);
  EXPECT_EQ(job["tuning"][0]["algorithm"], "RING");
}

TEST_F(TransportCli, WhatIsTooMuchIsCountedAndStandsInJson) {
  std::string text;
  for (int rank = 0; rank < 6; ++rank) {
    RankLog one{.rank = rank,
                .host = fmt::format("n{}", rank),
                .ranks = 6,
                .nodes = 6,
                .network = "Socket",
                .via = "NET/Socket"};
    one.before = "NCCL_IB_DISABLE set by environment to 1.\n";
    text += one.text();
  }
  const auto path = write("a.log", text);
  EXPECT_THAT(run("transport " + path).output,
              AllOf(HasSubstr("on host n3 "), Not(HasSubstr("1 on host n4 ")),
                    HasSubstr("  ib-disabled: and 2 more, in --json\n")));
  EXPECT_EQ(Json::parse(run("transport --json " + path).output)["jobs"][0]["findings"].size(), 6U);
}

TEST_F(TransportCli, NvlinkIsNamedWhereTheLogShowsIt) {
  RankLog one{.host = "a", .nodes = 1, .via = "P2P/CUMEM"};
  auto two = other(one);
  two.host = one.host;
  const auto plain = write("plain.log", one.text() + two.text());
  EXPECT_THAT(run("transport " + plain).output, Not(HasSubstr("NVLink")));
  one.before = two.before =
      "Pattern 4, crossNic 0, nChannels 2, bw 30.000000/30.000000, type NVL/PIX, sameChannels 1\n";
  const auto path = write("nvl.log", one.text() + two.text());
  EXPECT_THAT(run("transport " + path).output, HasSubstr("2 x P2P/CUMEM (NVLink)"));
  const auto json = Json::parse(run("transport --json " + path).output);
  EXPECT_EQ(json["jobs"][0]["communicators"][0]["ranks"][1]["nvlink"], true);
}

TEST_F(TransportCli, NothingFromALogCommandsTheTerminal) {
  RankLog one{.network = "IB\a\033[2J"};
  one.before = "NCCL_IB_HCA set to \033]0;owned\a\nNET/Socket : Using [0]e\a:1<0>\n";
  const auto text = one.text() + other(one).text() + one.speaker() + "Using network \001X" +
                    std::string(5000, 'x') + "\n";
  const auto path = write("a.log", text);
  const auto result = run("transport " + path);
  for (const auto c : result.output) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= ' ');
  EXPECT_LT(result.output.size(), 8000U);
  EXPECT_TRUE(Json::accept(run("transport --json " + path).output));
}

TEST_F(TransportCli, JobsAreListedWhereThereAreSeveral) {
  RankLog second{.pid = 5700, .network = "Socket", .via = "NET/Socket", .communicator = "0x8"};
  auto peer = other(second);
  peer.pid = 5701;
  const auto path =
      write("a.log", RankLog{}.text() + other({}).text() + second.text() + peer.text());
  const auto result = run("transport " + path);
  EXPECT_EQ(result.code, 5);
  EXPECT_THAT(result.output, AllOf(StartsWith("SOCKET: "), HasSubstr("Job 1 of 2: RDMA: "),
                                   HasSubstr("Job 2 of 2: SOCKET: ")));
}

TEST_F(TransportCli, SymptomsAreListedAndExplained) {
  EXPECT_THAT(run("symptoms").output, AllOf(HasSubstr("ib-disabled"), HasSubstr("doctor log")));
  const auto one = run("symptoms gid-index-empty");
  EXPECT_EQ(one.code, 0);
  EXPECT_THAT(one.output,
              AllOf(StartsWith("gid-index-empty (fault"), HasSubstr("fix:      unset")));
  EXPECT_EQ(run("symptoms nonsense").code, 2);
  EXPECT_EQ(Json::parse(run("symptoms --json ib-disabled").output)["id"], "ib-disabled");
  EXPECT_GT(Json::parse(run("symptoms --json").output).size(), 50U);
  EXPECT_THAT(run("symptoms --markdown").output, StartsWith("# What goes wrong"));
}

}  // namespace
}  // namespace wiretax
