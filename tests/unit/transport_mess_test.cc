// Logs as users have them: shuffled, cut, of several jobs, with anything in between.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <set>

#include "nccl_logs.h"
#include "report/transport/report_json.h"

namespace wiretax {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

struct Job {
  const char* verdict;
  std::string text;
};

std::vector<Job> jobs() {
  RankLog rdma;
  rdma.before = kIbLine;
  RankLog socket{.network = "Socket", .via = "NET/Socket"};
  socket.before = "NET/IB : No device found.\nNET/Socket : Using [0]enP7s7:10.0.0.1<0>\n";
  RankLog local{.nodes = 1, .network = "Socket", .via = "P2P/CUMEM"};
  auto second = other(local);
  second.host = local.host;
  return {{"RDMA", rdma.text() + other(rdma).text()},
          {"SOCKET", socket.text() + other(socket).text()},
          {"P2P", local.text() + second.text()},
          {"MIXED", rdma.text() + other(socket).text()}};
}

TEST(TransportMess, TheOrderOfLinesDoesNotMatter) {
  std::mt19937 random(1);
  for (const auto& [verdict, text] : jobs()) {
    auto lines = lines_of(text);
    for (int i = 0; i < 50; ++i) {
      std::ranges::shuffle(lines, random);
      const auto report = judged({joined(lines)});
      EXPECT_EQ(verdict_of(report), verdict) << joined(lines);
      EXPECT_EQ(report.jobs.size(), 1U);
    }
  }
}

TEST(TransportMess, OneFileOrOneForEachRankIsTheSame) {
  for (const auto& [verdict, text] : jobs()) {
    std::string a;
    std::string b;
    for (const auto& line : lines_of(text))
      (line.find(":4700:") == std::string::npos ? b : a) += line + "\n";
    EXPECT_EQ(verdict_of(judged({a, b})), verdict);
    EXPECT_EQ(verdict_of(judged({b, a})), verdict);
  }
}

/// A log that ends anywhere never proves something else than the whole one. What is bad for one
/// rank stays bad, so of a mix the part may be called sockets.
TEST(TransportMess, ACutFileNeverProvesSomethingElse) {
  const std::size_t step = std::getenv("WIRETAX_SLOW") == nullptr ? 1 : 7;  // under a sanitizer
  for (const auto& [verdict, text] : jobs()) {
    const std::set<std::string> allowed =
        std::string(verdict) == "MIXED" ? std::set<std::string>{"MIXED", "SOCKET", "INCONCLUSIVE"}
                                        : std::set<std::string>{verdict, "INCONCLUSIVE"};
    for (std::size_t end = 0; end < text.size(); end += step) {
      const auto head = verdict_of(judged({text.substr(0, end)}));
      EXPECT_TRUE(allowed.contains(head)) << verdict << " cut at " << end << " is " << head;
      const auto tail = verdict_of(judged({text.substr(end)}));
      EXPECT_TRUE(allowed.contains(tail)) << verdict << " from " << end << " on is " << tail;
    }
  }
}

TEST(TransportMess, TwoJobsInOneFileAreJudgedApart) {
  RankLog good;
  RankLog bad{.pid = 5700, .network = "Socket", .via = "NET/Socket", .communicator = "0x8"};
  auto bad_peer = other(bad);
  bad_peer.pid = 5701;
  const auto report = judged({good.text() + bad.text() + other(good).text() + bad_peer.text()});
  ASSERT_EQ(report.jobs.size(), 2U);
  EXPECT_EQ(transport_name(report.jobs[0].conclusion.transport), "RDMA");
  EXPECT_EQ(transport_name(report.jobs[1].conclusion.transport), "SOCKET");
  EXPECT_EQ(verdict_of(report), "SOCKET");
}

TEST(TransportMess, AProcessThatTakesNoPartDoesNotSpoilTheVerdict) {
  const std::string driver = "spark-a:99:99 [0] NCCL INFO Bootstrap: Using enP7s7:10.0.0.1<0>\n";
  const auto report = judged({driver + RankLog{}.text() + other({}).text()});
  EXPECT_EQ(report.jobs.size(), 1U);
  EXPECT_EQ(verdict_of(report), "RDMA");
}

/// Connected at the first use, by another thread, after a smaller communicator was made: rank 3 is
/// not in that.
TEST(TransportMess, LateChannelsGoToTheCommunicatorThatHasThePeer) {
  std::vector<std::string> files;
  for (int rank = 0; rank < 4; ++rank) {
    RankLog world{.rank = rank,
                  .host = fmt::format("n{}", rank),
                  .pid = 100 + rank,
                  .ranks = 4,
                  .nodes = 4,
                  .via = ""};
    auto text = world.text();
    const auto complete = [&](std::string_view handle, int ranks, std::string_view id) {
      return spoken(world.speaker(),
                    fmt::format("ncclCommInitRank comm {} rank {} nranks {} cudaDev 0 nvmlDev 0 "
                                "busId 1 commId {} - Init COMPLETE\n",
                                handle, rank, ranks, id));
    };
    text += complete(fmt::format("0xaaaa{:04x}", world.pid), 4, world.communicator);
    if (rank < 2) {
      text += spoken(world.speaker(), "Using network IB\n") + complete("0x9", 2, "0x99");
    }
    const auto late = fmt::format("{}:{}:999 [0] NCCL INFO ", world.host, world.pid);
    const int peer = (rank + 3) % 4;
    text += spoken(
        late, fmt::format("Channel 00/0 : {0}[0] -> {1}[0] [send] via NET/IB/0\n", rank, peer));
    files.push_back(text);
  }
  const auto report = judged(files);
  EXPECT_EQ(verdict_of(report), "RDMA") << report.conclusion.because;
}

TEST(TransportMess, APointerThatIsUsedAgainIsAnotherCommunicator) {
  RankLog first;
  RankLog second{.communicator = "0x8"};
  const auto report =
      judged({first.text() + second.text(), other(first).text() + other(second).text()});
  ASSERT_EQ(report.jobs.size(), 1U);
  EXPECT_EQ(report.jobs.front().communicators.size(), 2U);
  EXPECT_EQ(verdict_of(report), "RDMA");
}

TEST(TransportMess, SplitsOfOneParentAreTheSameOnAllRanks) {
  const auto split = [](const RankLog& rank, std::string_view count) {
    return spoken(
        rank.speaker(),
        fmt::format(
            "Using network IB\nncclCommSplit comm 0xcc rank {} nranks 2 cudaDev 0 nvmlDev 0 "
            "busId f01000 parent 0xaaaa{:04x} {} 1 color 7 key {}- Init START\n",
            rank.rank, rank.pid, count, rank.rank));
  };
  for (const auto* const count : {"splitCount", "childCount"}) {
    const RankLog one;
    const auto report =
        judged({one.text() + split(one, count), other(one).text() + split(other(one), count)});
    ASSERT_EQ(report.jobs.front().communicators.size(), 2U) << count;
    EXPECT_EQ(report.jobs.front().communicators[1].communicator.members.size(), 2U) << count;
    EXPECT_EQ(verdict_of(report), "RDMA");
  }
}

TEST(TransportMess, TablesTagsAndOtherProgramsInBetween) {
  std::string text = "# nThread 1 nGpus 1 minBytes 8\n";
  int number = 0;
  for (const auto& line : lines_of(RankLog{}.text() + other({}).text())) {
    text += fmt::format("[1,{}]<stdout>:{}\r\n", number % 2, line);
    if (++number % 3 == 0)
      text += "        1024   256  float  sum  -1   28.4   0.04   0.04   0\n\n";
  }
  text += "INFO 11-21 12:00:00 [parallel_state.py:1200] rank 0 in world size 2 is assigned\n" +
          std::string(300'000, 'x') + "\n" + std::string("\xff\xfe\x00\x01", 4);
  const auto report = judged({text});
  EXPECT_EQ(verdict_of(report), "RDMA");
  EXPECT_THAT(transport_json(report), HasSubstr("\"verdict\": \"RDMA\""));
}

TEST(TransportMess, AVeryLongLineIsPassedOverAndTheNextOneRead) {
  const auto line = RankLog{}.speaker() + "Using network IB";
  for (const std::size_t length :
       {std::size_t{262'143}, std::size_t{262'144}, std::size_t{262'145}, std::size_t{800'000}}) {
    NcclLog log;
    std::istringstream stream(fmt::format("{}\n{line}\n{line}\n{line}", std::string(length, 'y'),
                                          fmt::arg("line", line)));
    log.read(stream, "long");
    EXPECT_EQ(log.nccl_lines(), 2U) << length;
    EXPECT_EQ(log.processes().front().networks.front().line.line, 2U) << length;
  }
}

TEST(TransportMess, AThousandRanksInOneFile) {
  std::string text;
  for (int rank = 0; rank < 1000; ++rank) {
    text += RankLog{.rank = rank,
                    .host = fmt::format("n{}", rank / 8),
                    .pid = rank,
                    .ranks = 1000,
                    .nodes = 125}
                .text();
  }
  const auto report = judged({text});
  EXPECT_EQ(verdict_of(report), "RDMA");
  EXPECT_EQ(report.jobs.front().communicators.front().communicator.members.size(), 1000U);
  EXPECT_EQ(report.conclusion.proof.size(), 6U);
}

TEST(TransportMess, NumbersOutOfAllBoundsAreNoRanks) {
  for (const auto* const line :
       {"comm 0x1 rank 99999999 nranks 100000000 cudaDev 0 - Init START",
        "comm 0x1 rank -1 nranks 2 cudaDev 0 nvmlDev 0 busId 1 commId 0x2 - Init START",
        "Channel 00/0 : 99999999999[0] -> 1[0] [send] via NET/IB/0",
        "Channel 00/0 : 0[0] -> -1[0] via SHM", "Channel 00/0 : 0[0] -> 1[0] [send] via NET/IB/",
        "Channel 00/0 : 0[0] -> 1[0] [send] via NET/"}) {
    const auto report = judged({RankLog{}.speaker() + line + "\n"});
    ASSERT_EQ(report.memberships.size(), 1U) << line;
    EXPECT_EQ(report.memberships.front().rank, -1) << line;
  }
}

}  // namespace
}  // namespace wiretax
