// Why NCCL fell back, and what failed after it chose: each reason by the symptom that names it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nccl_logs.h"

namespace wiretax {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

using Names = std::vector<std::string>;

struct Case {
  const char* lines;  // of both ranks, before "Using network"
  Names symptoms;
};

TEST(TransportReasons, EveryFallbackHasItsOwn) {
  const Case cases[] = {
      {"NCCL_IB_DISABLE set by environment to 1.\n", {"ib-disabled"}},
      {"NCCL_IB_DISABLE set by environment to 1.\nFailed to initialize NET plugin IB\n",
       {"ib-disabled"}},
      {"Failed to open libibverbs.so[.1]\n", {"libibverbs-missing"}},
      {"Could not open libibverbs.so\nNET/IB : No device found.\n", {"libibverbs-missing"}},
      {"Count not open libibverbs.so\n", {"libibverbs-missing"}},
      {"dlvsym failed on ibv_reg_mr_iova2 - undefined symbol version IBVERBS_1.8\n",
       {"libibverbs-missing"}},
      {"NET/IB : No IP interface found.\n", {"no-ip-interface"}},
      {"NET/IB : Unable to open device rocep1s0f1\nNET/IB : No device found.\n",
       {"device-not-openable"}},
      {"NET/IB : Unable to query device rocep1s0f1\nNET/IB : No device found.\n",
       {"device-query-failed"}},
      {"NET/IB : Unable to query port 1\nNET/IB : No device found.\n", {"device-query-failed"}},
      {"NET/IB : No device found.\n", {"no-usable-device"}},
      {"NCCL_IB_HCA set to mlx5_0\nNET/IB : No device found.\n",
       {"hca-filter?", "no-usable-device?"}},
      {"NCCL_NET set by environment to Socket\n", {"net-forced-socket"}},
      {"NCCL_NET set by environment to socket.\n", {"net-forced-socket"}},
  };
  for (const auto& [lines, symptoms] : cases) {
    RankLog one{.network = "Socket", .via = "NET/Socket"};
    one.before = lines;
    const auto report = judged({one.text(), other(one).text()});
    EXPECT_EQ(verdict_of(report), "SOCKET") << lines;
    EXPECT_EQ(symptoms_of(report), symptoms) << lines;
    EXPECT_THAT(report.jobs.front().notes, IsEmpty()) << lines;
  }
}

TEST(TransportReasons, SocketsInSpiteOfDevicesWereAskedFor) {
  RankLog one{.network = "Socket", .via = "NET/Socket"};
  one.before = kIbLine;
  EXPECT_THAT(symptoms_of(judged({one.text(), other(one).text()})),
              ElementsAre("net-forced-socket?"));
}

TEST(TransportReasons, DisableSetToZeroIsNotAReason) {
  RankLog one;
  one.before = "NCCL_IB_DISABLE set by environment to 0.\n" + kIbLine;
  EXPECT_THAT(symptoms_of(judged({one.text(), other(one).text()})), ElementsAre("gdr-zero"));
}

TEST(TransportReasons, WhereTheLogIsSilentSoIsTheReport) {
  const RankLog one{.network = "Socket", .via = "NET/Socket"};
  const auto report = judged({one.text(), other(one).text()});
  EXPECT_THAT(symptoms_of(report), IsEmpty());
  ASSERT_EQ(report.jobs.front().notes.size(), 1U);
  EXPECT_THAT(report.jobs.front().notes.front(), HasSubstr("does not say why it took sockets"));
}

TEST(TransportReasons, TheFixIsForTheRankThatNeedsIt) {
  RankLog one;
  one.before = "NCCL_IB_HCA set to rocep1s0f1\n" + kIbLine;
  auto two = other({.network = "Socket", .via = ""});
  two.before = "NCCL_IB_DISABLE set by environment to 1.\n";
  const auto report = judged({one.text(), two.text()});
  EXPECT_EQ(verdict_of(report), "MIXED");
  const auto& findings = report.jobs.front().findings;
  const auto found = std::ranges::find(findings, "ib-disabled", &Finding::symptom);
  ASSERT_NE(found, findings.end());
  EXPECT_EQ(found->text, "NCCL_IB_DISABLE=1 on host spark-b (pid 4701)");
  EXPECT_EQ(found->lines.front().file, "rank1.log");
  EXPECT_EQ(found->lines.front().line, 1U);
  EXPECT_THAT(symptoms_of(report), Contains("env-not-forwarded?"));
}

TEST(TransportReasons, ASettingThatIsTheFaultIsNotToBeForwarded) {
  for (const auto* const line :
       {"NCCL_IB_DISABLE set by environment to 1.\n", "NCCL_NET set by environment to Socket.\n"}) {
    RankLog one;
    one.before = kIbLine;
    auto two = other({.network = "Socket", .via = ""});
    two.before = line;
    const auto report = judged({one.text(), two.text()});
    EXPECT_EQ(verdict_of(report), "MIXED");
    EXPECT_THAT(symptoms_of(report), testing::Not(Contains("env-not-forwarded?"))) << line;
  }
}

TEST(TransportReasons, ANetworkThatIsDemandedAndMissing) {
  for (const auto* const line :
       {"Failed to initialize any NET plugin", "Error: network IB not found."}) {
    const auto text = "[2026-11-21 12:00:00] a:1:2 [0] net.cc:379 NCCL WARN " + std::string(line) +
                      "\na:1:2 [0] NCCL INFO NET/IB : No device found.\n";
    const auto report = judged({text});
    EXPECT_EQ(verdict_of(report), "INCONCLUSIVE") << line;
    EXPECT_THAT(symptoms_of(report), UnorderedElementsAre("ib-required", "no-usable-device"))
        << line;
  }
}

TEST(TransportReasons, NoInterfaceEndsTheBootstrapToo) {
  for (const auto* const line :
       {"Bootstrap : no socket interface found", "Bootstrap: no socket interface found"}) {
    const auto report = judged({"a:1:1 [0] bootstrap.cc:45 NCCL WARN " + std::string(line) + "\n"});
    EXPECT_EQ(verdict_of(report), "INCONCLUSIVE");
    EXPECT_THAT(symptoms_of(report), ElementsAre("no-ip-interface")) << line;
  }
}

/// A healthy rank 0 and a rank 1 with `lines` at its end.
TransportReport with_failure(const std::string& lines) {
  RankLog one;
  one.before = kIbLine;
  auto two = other(one);
  const auto warning = fmt::format("\n[2026-11-21 12:00:00] {}:{}:{} [0] file.cc:1 NCCL WARN ",
                                   two.host, two.pid, two.pid + 9);
  return judged({one.text(), two.text() + warning + lines + "\n"});
}

TEST(TransportReasons, QueuePairsThatFailAreNamedByErrno) {
  const std::string place =
      ", on dev rocep1s0f1:1, curr state INIT, next state RTR, local GID index 3, ";
  const std::string good = "local GID ::ffff:10.0.0.2, remote GID ::ffff:10.0.0.1";
  const std::string bad = "local GID fe80::1, remote GID fe80::2";
  const std::string call = "Call to ibv_modify_qp failed with ";
  const std::pair<std::string, Names> cases[] = {
      {"110 Connection timed out" + place + good, {"ports-paired-wrong?", "gid-link-local?"}},
      {"110 Connection timed out" + place + bad, {"gid-link-local", "half-without-ipv4?"}},
      {"61 No data available" + place + good, {"gid-index-empty"}},
      {"22 Invalid argument" + place + bad, {"gid-link-local"}},
      {"22 Invalid argument" + place + good, {"gid-link-local?", "mtu-mismatch?"}},
      {"101 Network is unreachable" + place + good, {"peer-unreachable"}},
      {"113 No route to host" + place + good, {"peer-unreachable"}},
      {"5 Input/output error" + place + good, {"queue-pair-failed"}},
      {"error Connection timed out errno 110",
       {"ports-paired-wrong?", "gid-link-local?"}},  // 2.20 to 2.23
      {"error No data available errno 61", {"gid-index-empty"}},
      {"error No data available", {"gid-index-empty"}},  // 2.18
  };
  for (const auto& [text, symptoms] : cases) {
    const auto report = with_failure(call + text);
    EXPECT_EQ(verdict_of(report), "INCONCLUSIVE") << text;
    EXPECT_THAT(report.conclusion.because, HasSubstr("it failed"));
    auto names = symptoms_of(report);
    std::erase(names, "gdr-zero");
    EXPECT_EQ(names, symptoms) << text;
  }
}

TEST(TransportReasons, ARetryIsNoFailure) {
  EXPECT_EQ(
      verdict_of(with_failure("Call to ibv_modify_qp failed with 110 Connection timed out, on dev "
                              "a:1, retrying 1/3 after 100 msec of sleep")),
      "RDMA");
}

TEST(TransportReasons, CompletionsAreNamedByStatus) {
  const Names no_answer = {"mtu-mismatch?", "packet-loss?", "firewall?"};
  const std::pair<const char*, Names> cases[] = {
      {"NET/IB : Got completion from peer 10.0.0.1<1> with error 12, opcode 0, len 0, vendor err "
       "129",
       no_answer},
      {"NET/IB: Got completion from peer 10.0.0.1<1> with status=12 opcode=0 len=0 vendor err 129 "
       "(Send) localGid "
       "::ffff:10.0.0.2 remoteGids::ffff:10.0.0.1 hca rocep1s0f1",
       no_answer},
      {"NET/IB: Got completion from peer 10.0.0.1<1> with status=IBV_WC_RETRY_EXC_ERR(12) "
       "opcode=IBV_WC_SEND(0) reqSize=8 vendor_err=129 req_type=Send hca rocep1s0f1",
       no_answer},
      {"NET/IB: Got completion from peer 10.0.0.1<1> with status=5 opcode=0",
       {"queue-pair-failed"}},
      {"NET/IB: Got completion from peer 10.0.0.1<1> with status=13 opcode=0",
       {"queue-pair-failed"}},
      {"NET/IB: Got completion from peer 10.0.0.1<1> with status=10 opcode=0",
       {"queue-pair-failed"}},
  };
  for (const auto& [text, symptoms] : cases) {
    const auto report = with_failure(text);
    EXPECT_EQ(verdict_of(report), "INCONCLUSIVE") << text;
    auto names = symptoms_of(report);
    std::erase(names, "gdr-zero");
    std::ranges::sort(names);
    auto expected = symptoms;
    std::ranges::sort(expected);
    EXPECT_EQ(names, expected) << text;
  }
  const auto device = with_failure(cases[1].first).processes.back().failures.front().device;
  EXPECT_EQ(device, "rocep1s0f1");
}

TEST(TransportReasons, MemoryThatCannotBeRegistered) {
  for (const auto* const call :
       {"ibv_reg_mr", "ibv_reg_mr_iova2", "ibv_create_cq", "ibv_create_qp"}) {
    const auto report = with_failure(
        fmt::format("Call to {} failed with error Cannot allocate memory errno 12", call));
    EXPECT_THAT(symptoms_of(report), ElementsAre("memlock-limit?", "kho-kernel?", "gdr-zero"))
        << call;
  }
  EXPECT_EQ(verdict_of(with_failure(
                "Call to ibv_reg_dmabuf_mr failed with error Operation not supported errno 95")),
            "RDMA");
}

TEST(TransportReasons, AWrongTypeProvesAMixFromOneSide) {
  const std::string line =
      "[2026-11-21 12:00:00] b:1:2 [0] misc/socket.cc:538 NCCL WARN socketFinalizeAccept from "
      "10.0.0.1<40000>: wrong type 4 != 3\n";
  for (const auto& text : {line, RankLog{.network = "Socket", .via = ""}.text() + line}) {
    const auto report = judged({text});
    EXPECT_EQ(verdict_of(report), "MIXED");
    EXPECT_THAT(symptoms_of(report), Contains("mixed-networks"));
  }
  EXPECT_EQ(judged({line}).jobs.front().findings.front().text,
            "host b (pid 1) uses Socket, its peer IB");
}

TEST(TransportReasons, VersionsThatDiffer) {
  const auto report =
      with_failure("Mismatched NCCL version detected : rank 0 version 22809 rank 1 version 23007");
  EXPECT_EQ(verdict_of(report), "INCONCLUSIVE");
  EXPECT_THAT(symptoms_of(report), Contains("nccl-version-mismatch"));
}

TEST(TransportReasons, WarningsThatAreNotUnderstoodAreCounted) {
  const auto report = with_failure(
      "Call to connect to 10.0.0.2<4> failed : Connection refused\n"
      "spark-b:4701:4710 [0] proxy.cc:9 NCCL WARN Something else");
  EXPECT_EQ(verdict_of(report), "RDMA");
  // Of rank 1: devices, network, 2 of the communicator, 4 channels, rings, COMPLETE, a blank line.
  EXPECT_THAT(report.jobs.front().notes,
              ElementsAre(HasSubstr("2 warnings were not understood, the first: rank1.log:12: ")));
  EXPECT_THAT(with_failure("").jobs.front().notes,
              ElementsAre(HasSubstr("1 warning was not understood")));
  const auto known = with_failure("Mismatched NCCL version detected : rank 0 version 22809");
  EXPECT_THAT(known.jobs.front().notes, IsEmpty());
}

TEST(TransportReasons, ANetworkThatDidNotStartIsEvidence) {
  const std::string line = "Failed to initialize NET plugin IB\n";
  RankLog one{.network = "Socket", .via = "NET/Socket"};
  one.before = line;
  const auto alone = judged({one.text(), other(one).text()});
  EXPECT_EQ(verdict_of(alone), "SOCKET");
  EXPECT_THAT(symptoms_of(alone), ElementsAre("no-usable-device?"));
  EXPECT_THAT(alone.jobs.front().findings.front().lines.front().text,
              HasSubstr("Failed to initialize NET plugin IB"));
  one.before = "NCCL_IB_DISABLE set by environment to 1.\n" + line;
  const auto reason = judged({one.text(), other(one).text()}).jobs.front().findings.front();
  EXPECT_EQ(reason.symptom, "ib-disabled");
  ASSERT_EQ(reason.lines.size(), 2U);
  EXPECT_EQ(reason.lines.back().line, 2U);
}

}  // namespace
}  // namespace wiretax
