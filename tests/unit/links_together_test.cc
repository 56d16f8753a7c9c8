// What several links did side by side: how long all of them were at work, and how fast.

#include "bench/harness/links_together.h"

#include <gtest/gtest.h>

namespace wiretax::bench {
namespace {

TEST(LinksTogether, TheOverlapIsTheShareOfTheTimeInWhichAllWereAtWork) {
  LinksTogether together;
  EXPECT_EQ(together.overlap(), 0) << "nothing was done yet";
  together.add_batch({{.first_s = 10, .last_s = 20}, {.first_s = 11, .last_s = 19}});
  EXPECT_DOUBLE_EQ(together.overlap(), 0.8);
  together.add_batch({{.first_s = 30, .last_s = 40}, {.first_s = 30, .last_s = 40}});
  EXPECT_DOUBLE_EQ(together.overlap(), 0.9);
  EXPECT_LT(together.overlap(), LinksTogether::kLeastOverlap);
}

TEST(LinksTogether, LinksOneAfterTheOtherNeverOverlap) {
  LinksTogether together;
  together.add_batch({{.first_s = 0, .last_s = 1}, {.first_s = 2, .last_s = 3}});
  EXPECT_EQ(together.overlap(), 0);
}

TEST(LinksTogether, OneLinkIsAlwaysTogetherWithItself) {
  LinksTogether together;
  together.add_batch({{.first_s = 5, .last_s = 7}});
  EXPECT_EQ(together.overlap(), 1);
}

TEST(LinksTogether, TheSumIsOfEachOverItsOwnTime) {
  LinksTogether together;
  together.links = {{.port = "a", .bytes = 100, .seconds = 2, .growth = {}},
                    {.port = "b", .bytes = 90, .seconds = 3, .growth = {}},
                    {.port = "c", .bytes = 0, .seconds = 0, .growth = {}}};
  EXPECT_DOUBLE_EQ(together.rate(), 80);
}

TEST(LinksTogether, ArrivesAsItWasSent) {
  LinksTogether together;
  together.links = {{.port = "rocep1s0f0", .bytes = 100, .seconds = 2, .growth = {{"x", 7}}}};
  together.add_batch({{.first_s = 5, .last_s = 7}});
  const auto arrived = decode_links_together(encode(together));
  ASSERT_EQ(arrived.links.size(), 1U);
  EXPECT_EQ(arrived.links[0].port, "rocep1s0f0");
  EXPECT_EQ(arrived.links[0].growth.at("x"), 7U);
  EXPECT_DOUBLE_EQ(arrived.rate(), 50);
  EXPECT_EQ(arrived.overlap(), 1);
}

}  // namespace
}  // namespace wiretax::bench
