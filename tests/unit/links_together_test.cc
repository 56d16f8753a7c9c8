// What several links did side by side: how long all of them were at work, and how fast.

#include "bench/harness/links_together.h"

#include <gtest/gtest.h>

#include "bench/harness/links_record.h"

namespace wiretax::bench {
namespace {

TEST(LinksTogether, TheOverlapIsTheShareOfTheTimeInWhichAllWereAtWork) {
  LinksTogether together;
  together.links.resize(2);
  EXPECT_EQ(together.overlap(), 0) << "nothing was done yet";
  together.add_batch({{.first_s = 10, .last_s = 20}, {.first_s = 11, .last_s = 19}});
  EXPECT_DOUBLE_EQ(together.overlap(), 0.8);
  together.add_batch({{.first_s = 30, .last_s = 40}, {.first_s = 30, .last_s = 40}});
  EXPECT_DOUBLE_EQ(together.overlap(), 0.9);
  EXPECT_LT(together.overlap(), LinksTogether::kLeastOverlap);
}

TEST(LinksTogether, LinksOneAfterTheOtherNeverOverlap) {
  LinksTogether together;
  together.links.resize(2);
  together.add_batch({{.first_s = 0, .last_s = 1}, {.first_s = 2, .last_s = 3}});
  EXPECT_EQ(together.overlap(), 0);
}

TEST(LinksTogether, OneLinkIsAlwaysTogetherWithItself) {
  LinksTogether together;
  together.links.resize(1);
  together.add_batch({{.first_s = 5, .last_s = 7}});
  EXPECT_EQ(together.overlap(), 1);
}

TEST(LinksTogether, TheSumIsOfWhatWasDoneWhileAllWereAtWork) {
  LinksTogether together;
  together.links.resize(2);
  together.add_batch(
      {{.first_s = 0, .last_s = 10, .bytes = 1000}, {.first_s = 0, .last_s = 5, .bytes = 200}});
  EXPECT_DOUBLE_EQ(together.rate(0), 100);
  EXPECT_DOUBLE_EQ(together.rate(1), 40);
  EXPECT_DOUBLE_EQ(together.rate(), 140);
  // Twice as fast, and for twice the time: it counts for two thirds.
  together.add_batch(
      {{.first_s = 20, .last_s = 30, .bytes = 2000}, {.first_s = 20, .last_s = 30, .bytes = 800}});
  EXPECT_DOUBLE_EQ(together.rate(), (140 * 5 + 280 * 10) / 15.0);
}

TEST(LinksTogether, ALinkThatDidNothingHasNoRate) {
  LinksTogether together;
  EXPECT_EQ(together.rate(), 0);
  together.links.resize(2);
  together.add_batch({{.first_s = 0, .last_s = 10, .bytes = 1000}, {}});
  EXPECT_EQ(together.rate(), 0) << "they were never at work together";
}

TEST(LinksTogether, TheWarmUpDoesNotCount) {
  LinksTogether together;
  together.links.resize(1);
  together.links[0].bytes = 10;
  together.add_batch({{.first_s = 0, .last_s = 10, .bytes = 10}});
  together.begin_measuring();
  EXPECT_EQ(together.overlap(), 0);
  together.add_batch({{.first_s = 10, .last_s = 12, .bytes = 100}});
  EXPECT_DOUBLE_EQ(together.rate(), 50);
  EXPECT_DOUBLE_EQ(together.links[0].bytes, 10) << "the counters saw these, too";
}

LinksTogether of_one_batch(const std::vector<LinksTogether::Window>& windows) {
  LinksTogether together;
  together.links.resize(windows.size());
  for (std::size_t i = 0; i < windows.size(); ++i) together.links[i].bytes = windows[i].bytes;
  together.add_batch(windows);
  return together;
}

TEST(LinksRecord, ASumOfLinksThatWorkedApartIsRefused) {
  Row row;
  add_rates(of_one_batch({{.first_s = 0, .last_s = 10, .bytes = 20e9},
                          {.first_s = 1, .last_s = 10, .bytes = 10e9}}),
            {"a", "b"}, row);
  ASSERT_TRUE(row.invalid.has_value());
  EXPECT_EQ(*row.invalid,
            "the links were at work together for 90 % of the time only, so their sum says nothing");
  EXPECT_FALSE(row.counters.contains("GBps"));
}

TEST(LinksRecord, TheSumTheSharesAndTheImbalance) {
  Row row;
  add_rates(of_one_batch({{.first_s = 0, .last_s = 10, .bytes = 20e9},
                          {.first_s = 0, .last_s = 10, .bytes = 10e9}}),
            {"a", "b"}, row);
  EXPECT_FALSE(row.invalid.has_value());
  EXPECT_DOUBLE_EQ(row.counters["GBps"], 3);
  EXPECT_DOUBLE_EQ(row.counters["Gbps"], 24);
  EXPECT_DOUBLE_EQ(row.counters["GBps_a"], 2);
  EXPECT_DOUBLE_EQ(row.counters["payload_bytes_b"], 10e9);
  EXPECT_DOUBLE_EQ(row.counters["imbalance"], 1);
  EXPECT_DOUBLE_EQ(row.counters["overlap"], 1);
}

TEST(LinksTogether, ArrivesAsItWasSent) {
  LinksTogether together;
  together.links = {{.port = "rocep1s0f0",
                     .bytes = 100,
                     .common_bytes = 0,
                     .growth = {{"x", 7}},
                     .tells_losses = true}};
  together.add_batch({{.first_s = 5, .last_s = 7, .bytes = 100}});
  const auto arrived = decode_links_together(encode(together));
  ASSERT_EQ(arrived.links.size(), 1U);
  EXPECT_EQ(arrived.links[0].port, "rocep1s0f0");
  EXPECT_EQ(arrived.links[0].growth.at("x"), 7U);
  EXPECT_TRUE(arrived.links[0].tells_losses);
  EXPECT_DOUBLE_EQ(arrived.links[0].bytes, 100);
  EXPECT_DOUBLE_EQ(arrived.rate(), 50);
  EXPECT_EQ(arrived.overlap(), 1);
}

}  // namespace
}  // namespace wiretax::bench
