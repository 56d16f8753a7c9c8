#include "verbs/counters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sysfs_tree.h"

namespace wiretax::verbs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Key;
using testing::Pair;
using testing::UnorderedElementsAre;

const std::string kPort = "class/infiniband/rocep1s0f0/ports/1";

Port rocep1s0f0() {
  Port port;
  port.device = "rocep1s0f0";
  port.netdev = "enp1s0f0np0";
  return port;
}

TEST(Counters, ThoseOfMlx5AreInWordsOfFourBytes) {
  const SysfsTree tree;
  tree.write(kPort + "/counters/port_xmit_data", "1000");
  tree.write(kPort + "/counters/port_rcv_data", "50");
  tree.write(kPort + "/hw_counters/out_of_sequence", "0");
  tree.write(kPort + "/hw_counters/lifespan", "10");
  tree.write("class/net/enp1s0f0np0/statistics/tx_bytes", "77");
  const auto before = read_counters(rocep1s0f0(), tree.root());
  EXPECT_EQ(before.at("netdev_tx_bytes"), 77);
  EXPECT_FALSE(before.contains("lifespan"));
  EXPECT_FALSE(tells_what_was_sent_again(before));
  EXPECT_DOUBLE_EQ(counter_lifespan_s(rocep1s0f0(), tree.root()), .01);
  tree.write(kPort + "/counters/port_xmit_data", "17384");
  tree.write(kPort + "/hw_counters/out_of_sequence", "3");
  const auto grown = growth(before, read_counters(rocep1s0f0(), tree.root()));
  EXPECT_EQ(bytes_sent(grown), 65'536);
  EXPECT_EQ(bytes_received(grown), std::nullopt);
  EXPECT_THAT(signs_of_loss(grown), ElementsAre(Pair("out_of_sequence", 3)));
}

TEST(Counters, SoftRoceHasOnlyTheHardwareOnes) {
  const SysfsTree tree;
  tree.write(kPort + "/hw_counters/sent_pkts", "10");
  tree.write(kPort + "/hw_counters/completer_retry_err", "1");
  const auto before = read_counters(rocep1s0f0(), tree.root());
  EXPECT_TRUE(tells_what_was_sent_again(before));
  tree.write(kPort + "/hw_counters/sent_pkts", "30");
  tree.write(kPort + "/hw_counters/completer_retry_err", "6");
  const auto grown = growth(before, read_counters(rocep1s0f0(), tree.root()));
  EXPECT_THAT(grown, ElementsAre(Key("completer_retry_err"), Key("sent_pkts")));
  EXPECT_THAT(signs_of_loss(grown), ElementsAre(Pair("completer_retry_err", 5)));
  EXPECT_EQ(sent_again(grown), 5);
  EXPECT_EQ(bytes_sent(grown), std::nullopt);
}

TEST(Counters, WhatOneEndSentAgainIsNotCountedTwice) {
  const Counters grown = {{"out_of_sequence", 3},       {"packet_seq_err", 2},
                          {"local_ack_timeout_err", 1}, {"np_cnp_sent", 9},
                          {"out_of_buffer", 4},         {"rx_write_requests", 1000}};
  EXPECT_EQ(sent_again(grown), 3) << "what the other end missed, it says itself";
  EXPECT_THAT(
      signs_of_loss(grown),
      UnorderedElementsAre(Key("out_of_sequence"), Key("packet_seq_err"),
                           Key("local_ack_timeout_err"), Key("np_cnp_sent"), Key("out_of_buffer")));
}

TEST(Counters, OnesThatWereResetAreLeftOut) {
  EXPECT_THAT(growth({{"symbol_error", 7}}, {{"symbol_error", 2}, {"link_downed", 1}}), IsEmpty());
}

TEST(Counters, ADeviceThatIsGoneHasNone) {
  EXPECT_THAT(read_counters(rocep1s0f0(), "/no/such/sysfs"), IsEmpty());
  EXPECT_DOUBLE_EQ(counter_lifespan_s(rocep1s0f0(), "/no/such/sysfs"), 0);
}

}  // namespace
}  // namespace wiretax::verbs
