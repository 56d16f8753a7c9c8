// What a log shows beside the verdict, and what to do about it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nccl_logs.h"

namespace wiretax {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(TransportHints, GdrIsNormalOnlyOnASpark) {
  const auto text_with = [](const std::string& devices) {
    RankLog one;
    one.before = devices;
    const auto report = judged({one.text(), other(one).text()});
    EXPECT_THAT(symptoms_of(report), ElementsAre("gdr-zero"));
    return report.jobs.front().findings.front().text;
  };
  EXPECT_THAT(text_with(kIbLine), HasSubstr("normal on GB10"));
  const auto* const costs = "on other machines than GB10 that costs bandwidth";
  EXPECT_THAT(text_with("NET/IB : Using [0]mlx5_0:1/IB [1]mlx5_1:1/IB [RO]; OOB eth0:1<0>\n"),
              HasSubstr(costs));
  EXPECT_THAT(text_with(""), HasSubstr(costs));
}

TEST(TransportHints, AHangOfTheVersionThatIsKnownToHang) {
  RankLog one{.via = ""};
  one.before = "NCCL version 2.30.4+cuda13.0\n" + kIbLine;
  const auto report = judged({one.text(), other(one).text()});
  EXPECT_EQ(verdict_of(report), "INCONCLUSIVE");
  EXPECT_THAT(report.conclusion.because, HasSubstr("no channel between hosts is in the log"));
  EXPECT_THAT(symptoms_of(report), Contains("nvls-hang?"));
  one.before = kIbLine;  // as most logs have it: said once, by nobody
  const auto ranks = one.text() + other(one).text();
  EXPECT_THAT(symptoms_of(judged({"NCCL version 2.30.4+cuda13.0\n" + ranks})),
              Contains("nvls-hang?"));
  EXPECT_THAT(symptoms_of(judged({"NCCL version 2.30.4+cuda13.0\nNCCL version 2.28.9\n" + ranks})),
              testing::Not(Contains("nvls-hang?")));
}

TEST(TransportHints, InterfacesThatAreNotTheFastLink) {
  for (const auto* const form : {"Bootstrap: Using ", "Bootstrap : Using "}) {
    for (const auto* const name : {"wlP9s9", "tailscale0", "docker0"}) {
      RankLog one;
      one.before = form + std::string(name) + ":192.168.1.2<0>\n" + kIbLine;
      EXPECT_THAT(symptoms_of(judged({one.text(), other(one).text()})), Contains("wrong-interface"))
          << name;
    }
  }
  RankLog bond{.network = "Socket", .via = "NET/Socket"};
  bond.before = "NET/Socket : Using [0]bond0:10.0.0.1<0>\n";
  EXPECT_THAT(symptoms_of(judged({bond.text(), other(bond).text()})), Contains("bonded-halves"));
}

TEST(TransportHints, PluginLinesOfEveryVersionAreHarmless) {
  for (const auto* const line :
       {"NET/Plugin: Could not find: libnccl-net.so. Using internal network plugin.",
        "NET/Plugin: Could not find: libnccl-net.so",
        "NET/Plugin : No plugin found, using internal implementation",
        "NET/Plugin: No plugin found (libnccl-net.so)"}) {
    RankLog one;
    one.before = line + std::string("\n") + kIbLine;
    const auto report = judged({one.text(), other(one).text()});
    EXPECT_EQ(verdict_of(report), "RDMA");
    EXPECT_THAT(symptoms_of(report), ElementsAre("gdr-zero", "no-external-plugin")) << line;
  }
}

TEST(TransportHints, DeviceCountsThatDiffer) {
  RankLog one;
  one.before = kIbLine;
  one.after =
      "Detected mixed local Net device counts across ranks (min 1, max 2). Ignoring due to "
      "NCCL_IGNORE_NET_MISMATCH.\n";
  EXPECT_THAT(symptoms_of(judged({one.text(), other(one).text()})),
              Contains("device-count-mismatch"));
}

TEST(TransportHints, AFixNamesWhatTheLogNames) {
  RankLog one{.devices = {0}};
  one.before = "NET/IB : Using [0]roceP2p1s0f0:1/RoCE [RO]; OOB e:10.0.0.1<0>\n";
  const auto fix_in = [](const TransportReport& report, const std::string& symptom) {
    const auto& findings = report.jobs.front().findings;
    const auto found = std::ranges::find(findings, symptom, &Finding::symptom);
    return found == findings.end() ? std::string("not found") : fix_of(*found);
  };
  const auto half = judged({one.text(), other(one).text()});
  EXPECT_THAT(fix_in(half, "one-half-only"),
              testing::StartsWith("NCCL_IB_HCA=rocep1s0f0,roceP2p1s0f0,"));
  RankLog named;
  named.before = "NCCL_IB_GID_INDEX set by environment to 3.\n" + kIbLine;
  const auto mixed = judged({named.text(), other({.network = "Socket", .via = ""}).text()});
  EXPECT_THAT(fix_in(mixed, "env-not-forwarded"),
              testing::StartsWith("mpirun -x NCCL_IB_GID_INDEX "));
}

}  // namespace
}  // namespace wiretax
