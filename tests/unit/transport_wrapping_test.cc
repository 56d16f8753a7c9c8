// Logs as other programs hand them on: in JSON, coloured, thinned out, of containers, an excerpt.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nccl_logs.h"

namespace wiretax {
namespace {

using testing::HasSubstr;

std::string both_ranks(const RankLog& one) { return one.text() + other(one).text(); }

/// Each line of `text` between `before` and `after`.
std::string framed(const std::string& text, const std::string& before, const std::string& after) {
  std::string all;
  for (const auto& line : lines_of(text))
    all.append(before).append(line).append(after).append("\n");
  return all;
}

/// What a verdict rests on is the same, whoever wrote around it.
void expect_socket_and_rdma(const std::string& before, const std::string& after) {
  const auto rdma = judged({framed(both_ranks({.before = kIbLine}), before, after)});
  EXPECT_EQ(verdict_of(rdma), "RDMA") << before << " ... " << after;
  RankLog one{.network = "Socket", .via = "NET/Socket"};
  one.before = "NCCL_IB_DISABLE set by environment to 1.\n";
  const auto socket = judged({framed(both_ranks(one), before, after)});
  EXPECT_EQ(verdict_of(socket), "SOCKET") << before << " ... " << after;
  EXPECT_EQ(symptoms_of(socket), std::vector<std::string>{"ib-disabled"});
  EXPECT_EQ(socket.processes.front().host, "spark-a");
  EXPECT_EQ(socket.processes.front().networks.front().name, "Socket");
}

TEST(TransportWrapping, LogDriversWrapLinesInJson) {
  expect_socket_and_rdma(R"({"log": ")", R"(\n", "stream": "stdout", "time": "2026-11-21"})");
  expect_socket_and_rdma(R"({"ts":"2026","n":1,"msg":")", R"("})");
  expect_socket_and_rdma(R"(pod-0 | {"log":"\u001b[36m)", R"(\u001b[0m\r\n","a":["NCCL"]})");
}

TEST(TransportWrapping, ColoursStandAnywhere) {
  expect_socket_and_rdma("\033[36m", "\033[0m");
  const auto report = [](const std::string& name) {
    std::string text;
    for (auto line : lines_of(both_ranks({.before = kIbLine}))) {
      text += line.replace(line.find("NCCL INFO "), 10, name) + "\n";
    }
    return judged({text});
  };
  EXPECT_EQ(verdict_of(report("NCCL INFO \033[36m")), "RDMA");
  EXPECT_EQ(verdict_of(report("\033[36mNCCL INFO\033[0m ")), "RDMA");
  const auto grep = report("\033[01;31m\033[KNCCL\033[m\033[K INFO ");
  EXPECT_EQ(verdict_of(grep), "RDMA");
  EXPECT_THAT(grep.conclusion.proof.front().text, HasSubstr("[0] NCCL INFO Using network IB"));
}

TEST(TransportWrapping, ABrokenSequenceOrWrapperIsLeftStanding) {
  for (const auto* const text :
       {"\033", "\033[", "\033[3", "\033[3\033", "{\"", "{\"}", "{\"a\":{\"b\":\"NCCL\"}}"}) {
    const auto report = judged({RankLog{}.speaker() + "Using network IB" + text + "\n"});
    EXPECT_EQ(report.processes.size(), 1U) << text;
  }
}

TEST(TransportWrapping, ANulEndsALine) { expect_socket_and_rdma("", std::string(1, '\0')); }

TEST(TransportWrapping, RayMarksWhatItLeftOut) {
  expect_socket_and_rdma("(Worker pid=7, ip=10.0.0.2) ", " [repeated 2x across cluster]");
  expect_socket_and_rdma("", " [repeated 3x across cluster] (Ray deduplicates logs by default.)");
  const auto notes = [](const std::string& after) {
    return judged({framed(both_ranks({}), "", after)}).jobs.front().notes;
  };
  EXPECT_THAT(notes(" [repeated 2x across cluster]"),
              testing::ElementsAre(HasSubstr("RAY_DEDUP_LOGS=0")));
  EXPECT_THAT(notes(""), testing::IsEmpty());
}

TEST(TransportWrapping, AContainerThatStartsAgainIsAnotherProcess) {
  RankLog first{.pid = 1, .network = "Socket", .via = "NET/Socket"};
  first.before = "Bootstrap: Using eth0:10.0.0.1<0>\n";
  RankLog second{.pid = 1, .communicator = "0x8"};
  second.before = first.before + kIbLine;
  auto first_peer = other(first);
  auto second_peer = other(second);
  first_peer.pid = second_peer.pid = 1;
  const auto again = [&](const std::string& after) {
    return judged(
        {framed(first.text() + first_peer.text() + second.text() + second_peer.text(), "", after)});
  };
  const auto report = again("");
  ASSERT_EQ(report.jobs.size(), 2U);
  EXPECT_EQ(transport_name(report.jobs[0].conclusion.transport), "SOCKET");
  EXPECT_EQ(transport_name(report.jobs[1].conclusion.transport), "RDMA");
  // Ray may print a line of the same process twice.
  EXPECT_EQ(again(" [repeated 2x across cluster]").processes.size(), 2U);
  // The same log named twice holds no second process.
  const auto text = second.text() + second_peer.text();
  EXPECT_EQ(judged({text, text}).processes.size(), 2U);
}

TEST(TransportWrapping, ASetUpThatDoesNotFinishProvesNothing) {
  std::string text;
  for (const auto& line : lines_of(both_ranks({.before = kIbLine}))) {
    if (line.find("COMPLETE") == std::string::npos && line.find("rings") == std::string::npos)
      text += line + "\n";
  }
  const auto report = judged({text});
  EXPECT_EQ(verdict_of(report), "INCONCLUSIVE");
  EXPECT_EQ(exit_code(report.conclusion.transport), 3);
  EXPECT_THAT(report.conclusion.because,
              HasSubstr("set-up did not finish: it hung, or the log is cut or an excerpt"));
}

}  // namespace
}  // namespace wiretax
