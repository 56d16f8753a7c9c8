#include "bench/harness/host.h"

#include <gmock/gmock.h>

#include "bench/harness/clock.h"
#include "bench/harness/failure.h"
#include "bench/harness/options.h"
#include "bench/harness/placement.h"

namespace wiretax::bench {
namespace {

using ::testing::HasSubstr;

const std::vector<Interface> kTwo = {
    {.name = "lo", .address = 0x7f000001, .prefix_length = 8, .mtu = 65536, .loopback = true},
    {.name = "enp1s0f0np0",
     .address = 0xc0a86401,
     .prefix_length = 24,
     .mtu = 9000,
     .speed = 25e9}};

TEST(Interfaces, LoopbackIsUpHere) {
  const auto all = interfaces();
  const auto loopback = find_interface(all, "lo");
  EXPECT_EQ(format_address(loopback.address), "127.0.0.1");
  EXPECT_TRUE(loopback.loopback);
  EXPECT_FALSE(loopback.speed) << "loopback has no line rate";
}

TEST(Interfaces, AreFoundByNameAndByNetwork) {
  EXPECT_EQ(find_interface(kTwo, "enp1s0f0np0").mtu, 9000);
  EXPECT_EQ(find_interface(kTwo, "192.168.100.0/24").name, "enp1s0f0np0");
  EXPECT_EQ(find_interface(kTwo, "192.168.100.77/24").name, "enp1s0f0np0");
}

TEST(Interfaces, AMissingOneIsNamedWithWhatThereIs) {
  try {
    find_interface(kTwo, "eth9");
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), ExitCode::kEnvironment);
    EXPECT_THAT(failure.what(), HasSubstr("eth9"));
    EXPECT_THAT(failure.what(), HasSubstr("lo 127.0.0.1/8, enp1s0f0np0 192.168.100.1/24"));
  }
  for (const char* const malformed :
       {"192.168.100/24", "192.168.100.0/33", "192.168.100.0/", "/24"}) {
    try {
      find_interface(kTwo, malformed);
      FAIL() << malformed;
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.code(), ExitCode::kUsage) << malformed;
    }
  }
}

TEST(TcpBound, IsTheLineRateLessHeaders) {
  // 200 Gb/s, MTU 9000: (9000 - 52) / (9000 + 38).
  ASSERT_TRUE(tcp_bound(kTwo[1]));
  EXPECT_NEAR(*tcp_bound(kTwo[1]) * 8 / 1e9, 198.0, 0.1);
  EXPECT_FALSE(tcp_bound(kTwo[0]));
}

TEST(HostFacts, AreAllThere) {
  const auto facts = host_facts();
  EXPECT_FALSE(facts.boot_id.empty());
  EXPECT_FALSE(facts.network_namespace.empty());
  EXPECT_THAT(facts.build_id, ::testing::MatchesRegex("[0-9a-f]{40}"));
  EXPECT_GT(available_memory(), 0U);
}

TEST(Environment, OnlyWhatConcernsTheWireAndNothingSecret) {
  setenv("NCCL_IB_HCA", "rocep1s0f0", 1);
  setenv("SECRET_TOKEN", "hunter2", 1);
  setenv("OMPI_MCA_orte_hnp_uri", "secret", 1);
  const auto variables = relevant_environment();
  EXPECT_THAT(variables, ::testing::Contains("NCCL_IB_HCA=rocep1s0f0"));
  for (const auto& variable : variables) {
    EXPECT_THAT(variable, ::testing::Not(HasSubstr("hunter2")));
    EXPECT_THAT(variable, ::testing::Not(HasSubstr("orte_hnp_uri")));
  }
}

TEST(Clock, TicksAndCostsArePlausible) {
  const auto& clock = clock_properties();
  EXPECT_GT(clock.tick_s, 0);
  EXPECT_GT(clock.cost_s, 0);
  EXPECT_GE(shortest_span_s(), 1000 * clock.tick_s);
  const double before = now_s();
  EXPECT_GE(now_s(), before);
}

TEST(Placement, RanksOfOneHostShareNoCore) {
  const auto first = place({3, 1, 2, 0}, 0, 2, "");
  const auto second = place({3, 1, 2, 0}, 1, 2, "");
  EXPECT_THAT(first.cores, ::testing::ElementsAre(3, 2));
  EXPECT_THAT(second.cores, ::testing::ElementsAre(1, 0));
  EXPECT_THROW(place({0}, 1, 2, ""), Failure) << "what was asked for cannot be had";
  const auto crowded = place({}, 1, 4096, "");
  EXPECT_TRUE(crowded.cores.empty());
  EXPECT_THAT(crowded.note, HasSubstr("4096 ranks may use"));
  EXPECT_EQ(crowded.hindrance, "more ranks than cores");
}

TEST(Placement, WithoutAWishUsesCoresOfThisMachine) {
  const auto here = place({}, 0, 1, "");
  EXPECT_FALSE(here.cores.empty()) << here.note;
}

TEST(Placement, ACoreThatIsNotThereIsNamed) {
  try {
    bind_thread(1023);
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_THAT(failure.what(), HasSubstr("core 1023"));
  }
}

TEST(Filter, IsGoogleBenchmarks) {
  EXPECT_TRUE(passes_filter("", "all_reduce/bytes:8"));
  EXPECT_TRUE(passes_filter("all", "send_recv/bytes:8"));
  EXPECT_TRUE(passes_filter("reduce.*:8$", "all_reduce/bytes:8"));
  EXPECT_FALSE(passes_filter("-reduce", "all_reduce/bytes:8"));
  EXPECT_TRUE(passes_filter("-reduce", "send_recv/bytes:8"));
  EXPECT_THROW(passes_filter("(", "x"), Failure);
}

}  // namespace
}  // namespace wiretax::bench
