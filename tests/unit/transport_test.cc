// Verdicts: what carried the data, for every form in which NCCL 2.18 to 2.30 says it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nccl_logs.h"

namespace wiretax {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TransportReport both(const RankLog& one) { return judged({one.text(), other(one).text()}); }

std::vector<std::string> device_names(const std::string& line) {
  RankLog one;
  one.before = line;
  std::vector<std::string> names;
  const auto report = both(one);
  for (const auto& device : report.processes.front().ib_devices) names.push_back(device.name);
  return names;
}

TEST(Transport, ChannelsOverIbAreRdma) {
  RankLog one;
  one.before = kIbLine;
  const auto report = both(one);
  EXPECT_EQ(verdict_of(report), "RDMA");
  EXPECT_EQ(exit_code(report.conclusion.transport), 0);
  EXPECT_EQ(report.conclusion.because, "all channels between hosts go over NET/IB");
  ASSERT_EQ(report.conclusion.proof.size(), 6U);
  EXPECT_EQ(report.conclusion.proof[0].file, "rank0.log");
  EXPECT_EQ(report.conclusion.proof[0].line, 2U);  // behind the line of the devices
  EXPECT_THAT(report.conclusion.proof[0].text, HasSubstr("Using network IB"));
  EXPECT_THAT(symptoms_of(report), ElementsAre("gdr-zero"));
}

TEST(Transport, ChannelsOverSocketsAreSocket) {
  RankLog one{.network = "Socket", .via = "NET/Socket"};
  one.before =
      "NET/IB : No device found.\nNET/Socket : Using [0]enP7s7:10.0.0.1<0> [1]wlP9s9:10.1.0.1<0>\n";
  const auto report = both(one);
  EXPECT_EQ(verdict_of(report), "SOCKET");
  EXPECT_EQ(exit_code(report.conclusion.transport), 5);
  EXPECT_THAT(symptoms_of(report), ElementsAre("no-usable-device"));
  const auto& interfaces = report.processes.front().socket_interfaces;
  ASSERT_EQ(interfaces.size(), 2U);
  EXPECT_EQ(interfaces[1].name, "wlP9s9");
}

TEST(Transport, UsingIbWithoutADeviceIsNoProof) {
  RankLog one{.network = "Socket", .via = "NET/Socket"};
  one.before =
      "NET/IB : No device found.\nNET/IB : Using [RO]; OOB enP7s7:10.0.0.1<0>\n"
      "Failed to initialize NET plugin IB\nInitialized NET plugin Socket\n";
  const auto report = both(one);
  EXPECT_EQ(verdict_of(report), "SOCKET");
  EXPECT_THAT(symptoms_of(report), ElementsAre("no-usable-device", "using-without-devices"));
}

TEST(Transport, EverySuffixOfAChannelIsUnderstood) {
  for (const auto* const suffix :
       {"", "/GDRDMA", "/GDRDMA(PCI)", "/Shared", "/GDRDMA/Shared", "(0)/GDRDMA", "(1)"}) {
    const auto report = both({.gdr = suffix});
    EXPECT_EQ(verdict_of(report), "RDMA") << suffix;
    const auto& kind = report.memberships.front().channels.begin()->first;
    EXPECT_EQ(kind.gdr, std::string(suffix).find("GDR") != std::string::npos) << suffix;
    EXPECT_EQ(kind.device, 0) << suffix;
  }
}

TEST(Transport, IbextIsRdmaOtherPluginsNeedTheirProvider) {
  const auto verdict = [](const std::string& name, const std::string& before) {
    RankLog one{.network = name, .via = "NET/" + name};
    one.before = before;
    return both(one);
  };
  EXPECT_EQ(verdict_of(verdict("IBext_v10", "P2P plugin v10 IBext_v10\n")), "RDMA");
  EXPECT_EQ(verdict_of(verdict("IBext_v8", "P2P plugin IBext_v8\n")), "RDMA");
  EXPECT_EQ(verdict_of(verdict("Mesh", "")), "INCONCLUSIVE");
  EXPECT_EQ(verdict_of(verdict("SPCX", "")), "INCONCLUSIVE");
  const std::string aws = "AWS Libfabric";
  EXPECT_EQ(verdict_of(verdict(aws, "")), "INCONCLUSIVE");
  EXPECT_EQ(verdict_of(verdict(aws, "NET/OFI Selected Provider is efa (found 4 nics)\n")), "RDMA");
  EXPECT_EQ(verdict_of(verdict(aws, "NET/OFI Selected provider is efa, fabric is efa-direct\n")),
            "RDMA");
  EXPECT_EQ(verdict_of(verdict(aws, "NET/OFI Selected Provider is verbs;ofi_rxm (found 8 nics)\n")),
            "RDMA");
  const auto tcp = verdict(aws, "NET/OFI Selected Provider is tcp (found 1 nics)\n");
  EXPECT_EQ(verdict_of(tcp), "SOCKET");
  EXPECT_THAT(symptoms_of(tcp), Contains("external-plugin"));
  EXPECT_THAT(verdict("Mesh", "").conclusion.because, HasSubstr("does not say what carries it"));
}

TEST(Transport, IbAndIbextAreBothRdma) {
  auto ext = other({.network = "IBext_v10", .via = "NET/IBext_v10"});
  EXPECT_EQ(verdict_of(judged({RankLog{}.text(), ext.text()})), "RDMA");
  ext.via = "";
  RankLog silent{.via = ""};
  EXPECT_EQ(verdict_of(judged({silent.text(), ext.text()})), "INCONCLUSIVE");
  auto mesh = other({.network = "Mesh", .via = "NET/Mesh"});
  EXPECT_EQ(verdict_of(judged({RankLog{}.text(), mesh.text()})), "MIXED");
}

TEST(Transport, TheProofHoldsAChannelAndEveryNetwork) {
  std::string text;
  for (int rank = 0; rank < 16; ++rank) {
    RankLog one{.rank = rank, .host = fmt::format("n{}", rank), .ranks = 16, .nodes = 16};
    if (rank == 15) one.network = "Socket";
    if (rank == 15) one.via = "NET/Socket";
    text += one.text();
  }
  const auto report = judged({text});
  EXPECT_EQ(verdict_of(report), "MIXED");
  for (const auto& one : report.jobs.front().communicators) {
    ASSERT_EQ(one.conclusion.proof.size(), 6U);
    EXPECT_THAT(one.conclusion.proof[0].text, HasSubstr("Using network IB"));
    EXPECT_THAT(one.conclusion.proof[1].text, HasSubstr("Using network Socket"));
    EXPECT_THAT(one.conclusion.proof[5].text, HasSubstr(" via NET/"));
  }
}

TEST(Transport, APluginThatWasLoadedAndLostDoesNotCount) {
  RankLog one;
  one.before =
      "NET/Plugin: Loaded net plugin AWS Libfabric (v6)\nInitialized NET plugin AWS Libfabric\n" +
      kIbLine;
  EXPECT_EQ(verdict_of(both(one)), "RDMA");
}

TEST(Transport, WithinOneHostItIsLocalWhateverTheNetwork) {
  for (const auto* const via :
       {"P2P/CUMEM", "P2P/CUMEM/read", "P2P/IPC", "P2P/direct pointer", "P2P/indirect/2[2]"}) {
    const auto report = both({.host = "spark-a", .nodes = 1, .network = "Socket", .via = via});
    EXPECT_EQ(verdict_of(report), "P2P") << via;
    EXPECT_EQ(exit_code(report.conclusion.transport), 0);
  }
  RankLog shared{.nodes = 1, .network = "Socket", .via = "SHM/direct/direct"};
  auto second = other(shared);
  second.host = "spark-a";
  const auto report = judged({shared.text(), second.text()});
  EXPECT_EQ(verdict_of(report), "SHM");
  EXPECT_THAT(symptoms_of(report), IsEmpty());  // no reason is looked for: nothing fell back
}

TEST(Transport, OldSharedMemoryLinesHaveNoConnection) {
  const std::string a = "h:1:2 [0] NCCL INFO ";
  const std::string b = "h:1:3 [1] NCCL INFO ";
  const auto report = judged(
      {spoken(a,
              "Using network Socket\n"
              "comm 0x1 rank 0 nranks 2 cudaDev 0 nvmlDev 0 busId 1 commId 0x9 - Init START\n"
              "Channel 00 : 0[0] -> 1[1] via SHM/direct/direct\nConnected all rings\n") +
       spoken(b,
              "Using network Socket\n"
              "comm 0x2 rank 1 nranks 2 cudaDev 1 nvmlDev 1 busId 2 commId 0x9 - Init START\n"
              "Channel 00 : 1[1] -> 0[0] via SHM/direct/direct\nConnected all rings\n")});
  EXPECT_EQ(verdict_of(report), "SHM");
}

TEST(Transport, TwoRanksOfOneHostForcedOntoTheNetworkAreJudgedByIt) {
  RankLog one{.network = "Socket", .via = "NET/Socket"};
  auto two = other(one);
  two.host = one.host;
  EXPECT_EQ(verdict_of(judged({one.text() + two.text()})), "SOCKET");
}

TEST(Transport, RanksThatDifferAreMixed) {
  RankLog socket = other({.network = "Socket", .via = ""});
  const auto report = judged({RankLog{.via = ""}.text(), socket.text()});
  EXPECT_EQ(verdict_of(report), "MIXED");
  EXPECT_EQ(exit_code(report.conclusion.transport), 5);
  EXPECT_THAT(symptoms_of(report), Contains("mixed-networks"));
}

TEST(Transport, CommunicatorsThatDifferAreMixed) {
  RankLog one;
  RankLog two{.network = "Socket", .via = "NET/Socket", .communicator = "0x8"};
  auto second = [](std::string text) {  // another pointer
    for (auto at = text.find("0xaaaa"); at != std::string::npos; at = text.find("0xaaaa")) {
      text.replace(at, 6, "0xbbbb");
    }
    return text;
  };
  const auto report =
      judged({one.text() + second(two.text()), other(one).text() + second(other(two).text())});
  ASSERT_EQ(report.jobs.size(), 1U);
  EXPECT_EQ(report.jobs.front().communicators.size(), 2U);
  EXPECT_EQ(verdict_of(report), "MIXED");
}

TEST(Transport, AnIdleCommunicatorDoesNotSpoilTheOthers) {
  RankLog idle{.via = "", .communicator = "0x8"};
  const auto a = RankLog{}.text() + idle.text();
  const auto b = other({}).text() + other(idle).text();
  const auto report = judged({a, b});
  EXPECT_EQ(report.jobs.front().communicators.size(), 2U);
  EXPECT_EQ(verdict_of(report), "RDMA");
}

TEST(Transport, DevicesInEveryForm) {
  EXPECT_THAT(
      device_names("NET/IB : Using [0]mlx5_0:1/IB [1]mlx5_1:1/IB [RO]; OOB eth0:10.0.0.1<0>\n"),
      ElementsAre("mlx5_0", "mlx5_1"));
  EXPECT_THAT(
      device_names("NET/IB : Using [0]={[0] a:1/RoCE, [1] b:1/RoCE} [1]c:1/RoCE ; OOB e:1<0>\n"),
      ElementsAre("a+b", "c"));
  EXPECT_THAT(device_names(
                  "NET/IB : Using [0]a:1:0:2/RoCE [1]b:1::3/RoCE [2]c:1:4/RoCE [RO]; OOB e:1<0>\n"),
              ElementsAre("a", "b", "c"));
}

TEST(Transport, TheIndexOfAChannelSaysWhichHalfOfWhichCage) {
  RankLog one{.devices = {0}};
  one.before = kIbLine;
  const auto half = both(one);
  EXPECT_EQ(device_name(half.processes[0], half.memberships[0].channels.begin()->first),
            "rocep1s0f1");
  EXPECT_EQ(spark_half("rocep1s0f1"), "p1/A");
  EXPECT_EQ(spark_half("roceP2p1s0f0"), "p0/B");
  EXPECT_EQ(spark_half("mlx5_0"), "");
  EXPECT_EQ(spark_half("rocep3s0f0"), "");
  EXPECT_THAT(symptoms_of(half), Contains("one-half-only"));
  one.before = "NET/IB : Using [0]rocep1s0f0:1/RoCE [1]rocep1s0f1:1/RoCE ; OOB e:10.0.0.1<0>\n";
  one.devices = {0, 1};
  EXPECT_THAT(symptoms_of(both(one)), Contains("same-pcie-link"));
}

TEST(Transport, MergedDevicesAreNamedWhereTheLogDoes) {
  RankLog one{.devices = {4}};
  one.before =
      "NET/IB : Using [0]rocep1s0f0:1/RoCE [1]rocep1s0f1:1/RoCE [2]roceP2p1s0f0:1/RoCE "
      "[3]roceP2p1s0f1:1/RoCE [RO]; OOB e:10.0.0.1<0>\n";
  const auto unnamed = both(one);
  EXPECT_EQ(device_name(unnamed.processes[0], unnamed.memberships[0].channels.begin()->first), "");
  EXPECT_THAT(symptoms_of(unnamed), ElementsAre("gdr-zero"));  // nothing is guessed about halves
  one.before +=
      "NET/IB : Made virtual device [4] name=rocep1s0f0+rocep1s0f1 speed=400000 ndevs=2\n";
  const auto named = both(one);
  EXPECT_EQ(device_name(named.processes[0], named.memberships[0].channels.begin()->first),
            "rocep1s0f0+rocep1s0f1");
  EXPECT_THAT(symptoms_of(named), Contains("same-pcie-link"));
}

TEST(Transport, TuningInNamesAndInNumbers) {
  RankLog one;
  one.after =
      "AllReduce: 8192 Bytes -> Algo RING proto LL channel{Lo..Hi}={0..1}\n"
      "AllReduce: 65536 Bytes -> Algo 0 proto 2 time 31.4\n4096 Bytes -> Algo 1 proto 0 time 9.0\n";
  const auto tuning = both(one).processes.front().tuning;
  ASSERT_EQ(tuning.size(), 3U);
  EXPECT_EQ(tuning.at({"AllReduce", 8192}).algorithm, "RING");
  EXPECT_EQ(tuning.at({"AllReduce", 8192}).channels, 2);
  EXPECT_EQ(tuning.at({"AllReduce", 65536}).algorithm, "TREE");
  EXPECT_EQ(tuning.at({"AllReduce", 65536}).protocol, "SIMPLE");
  EXPECT_EQ(tuning.at({"", 4096}).algorithm, "RING");
}

TEST(Transport, OneRankOfTwoIsSaidAndNotGuessed) {
  const auto report = judged({RankLog{}.text()});
  EXPECT_EQ(verdict_of(report), "INCONCLUSIVE");
  EXPECT_EQ(exit_code(report.conclusion.transport), 3);
  EXPECT_THAT(report.conclusion.because, HasSubstr("no line is there of rank 1"));
  RankLog socket{.network = "Socket", .via = "NET/Socket"};
  EXPECT_EQ(verdict_of(judged({socket.text()})), "SOCKET");  // bad whatever the other says
}

TEST(Transport, LogsWithoutWhatIsNeededSaySo) {
  EXPECT_THAT(judged({"hello\n"}).conclusion.because, HasSubstr("no line of rank0.log is NCCL's"));
  EXPECT_THAT(judged({""}).conclusion.because, HasSubstr("NCCL_DEBUG=INFO"));
  const auto version = judged({"NCCL version 2.28.9+cuda13.0\n"});
  EXPECT_THAT(version.conclusion.because, HasSubstr("none of level INFO"));
  const auto warning = judged({"a:1:2 [0] misc/x.cc:1 NCCL WARN Cuda failure\n"});
  EXPECT_THAT(warning.conclusion.because, HasSubstr("none of level INFO"));
  const auto silent = judged({"a:1:2 [0] NCCL INFO P2P Chunksize set to 131072\n"});
  EXPECT_EQ(verdict_of(silent), "INCONCLUSIVE");
  EXPECT_THAT(silent.conclusion.because, HasSubstr("NCCL_DEBUG_SUBSYS"));
}

TEST(Transport, NvlinkBetweenHostsIsNotSockets) {
  RankLog one{.nodes = 2, .network = "Socket", .via = "P2P/MNNVL"};
  auto text = one.text() + other(one).text();
  for (auto at = text.find("MNNVL 0"); at != std::string::npos; at = text.find("MNNVL 0")) {
    text.replace(at, 7, "MNNVL 1");
  }
  const auto report = judged({text});
  EXPECT_EQ(verdict_of(report), "P2P");
  EXPECT_THAT(report.conclusion.because, HasSubstr("NVLink between hosts"));
}

}  // namespace
}  // namespace wiretax
