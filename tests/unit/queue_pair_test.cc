// What two ends tell each other, without a device.

#include "verbs/queue_pair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "verbs/check.h"
#include "verbs/completion.h"

namespace wiretax::verbs {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

EndAddress some_address() {
  EndAddress address;
  address.port = "rocep1s0f0 of rank 0 (spark-a)";
  address.link_layer = "Ethernet";
  address.gid_type = GidType::kRoceV2;
  address.gid[15] = 7;
  address.mtu = 4096;
  address.memory = 0xffff'ffff'ffff'f000;
  address.remote_key = 0xffff'ffff;
  address.queue_pairs = {{17, 0xffffff}, {18, 1}};
  return address;
}

TEST(EndAddress, SurvivesTheJourney) {
  const auto address = decode(encode(some_address()));
  EXPECT_EQ(address.memory, 0xffff'ffff'ffff'f000);
  EXPECT_EQ(address.remote_key, 0xffff'ffff);
  EXPECT_EQ(address.gid, some_address().gid);
  ASSERT_EQ(address.queue_pairs.size(), 2);
  EXPECT_EQ(address.queue_pairs[0].first_packet, 0xffffff);
}

TEST(EndAddress, WhatIsNoneIsRefused) {
  for (const auto* text : {"", "{}", "[1,2]", "{\"port\":3}", "nonsense"}) {
    EXPECT_THROW(decode(text), std::runtime_error) << text;
  }
}

TEST(EndAddress, EndsThatCannotTalk) {
  const auto mine = some_address();
  auto theirs = mine;
  EXPECT_EQ(mismatch(mine, theirs), "");
  theirs.gid_type = GidType::kRoceV1;
  theirs.port = "rocep1s0f0 of rank 1 (spark-b)";
  EXPECT_EQ(mismatch(mine, theirs),
            "rocep1s0f0 of rank 0 (spark-a) has a GID of RoCE v2, rocep1s0f0 of rank 1 (spark-b) "
            "one of RoCE v1: give both an IPv4 address in one subnet");
  theirs.link_layer = "InfiniBand";
  EXPECT_EQ(mismatch(mine, theirs),
            "rocep1s0f0 of rank 0 (spark-a) is Ethernet, rocep1s0f0 of rank 1 (spark-b) is "
            "InfiniBand: choose ports of one kind with --device");
}

TEST(Mtu, CodesAndBytes) {
  EXPECT_EQ(mtu_bytes(IBV_MTU_1024), 1024);
  EXPECT_EQ(mtu_bytes(IBV_MTU_4096), 4096);
  EXPECT_EQ(mtu_code(2048), IBV_MTU_2048);
  EXPECT_THROW(mtu_code(9000), std::invalid_argument);
}

TEST(Checks, TakeTheErrorFromWhereTheCallPutsIt) {
  const auto code_of = [](const auto& call) {
    try {
      call();
    } catch (const std::system_error& error) {
      return error.code().value();
    }
    return 0;
  };
  errno = ENOENT;  // an older error
  EXPECT_EQ(code_of([] { check_number(EINVAL, "ibv_modify_qp"); }), EINVAL);
  EXPECT_EQ(code_of([] { check_count(-EPERM, "ibv_query_gid_table"); }), EPERM);
  EXPECT_EQ(code_of([] { check_errno(-1, "rdma_bind_addr"); }), ENOENT);
  EXPECT_EQ(code_of([] { check_pointer<int>(nullptr, "ibv_open_device"); }), ENOENT);
  EXPECT_EQ(check_count(3, "ibv_query_gid_table"), 3);
}

TEST(Completion, IsExplained) {
  ibv_wc failed{};
  failed.status = IBV_WC_RETRY_EXC_ERR;
  failed.vendor_err = 129;
  EXPECT_THAT(explain(failed), AllOf(StartsWith("IBV_WC_RETRY_EXC_ERR (12, vendor error 129): "),
                                     HasSubstr("no longer acknowledges")));
  failed.status = IBV_WC_REM_ACCESS_ERR;
  EXPECT_THAT(explain(failed), HasSubstr("refused access to its memory"));
}

TEST(Endurance, IsLongerBetweenSlowMachines) {
  EXPECT_EQ(Endurance::timeout(0.1), Endurance::kTimeout);
  EXPECT_EQ(Endurance::timeout(1), Endurance::kTimeout);
  EXPECT_EQ(Endurance::timeout(2), 15);
  EXPECT_EQ(Endurance::timeout(5), 17);
  EXPECT_EQ(Endurance::timeout(1e9), 20);
}

}  // namespace
}  // namespace wiretax::verbs
