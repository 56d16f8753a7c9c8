#include "bench/harness/token_prices.h"

#include <gmock/gmock.h>

#include "bench/harness/token_record.h"
#include "report/units.h"

namespace wiretax::bench {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

ScheduleStep step(const char* operation, std::uint64_t bytes, std::uint64_t count,
                  std::vector<int> ranks, const char* purpose = "layers") {
  return {operation, bytes, count, std::move(ranks), purpose};
}

auto near(double seconds) { return DoubleNear(seconds, 1e-12); }

TEST(TokenPrices, AddUpByOperation) {
  TokenPrices prices;
  prices.add(step("all_reduce", 8192, 1, {0, 1}), 10e-6);
  prices.add(step("all_gather", 4096, 1, {0, 1}), 7e-6);
  const auto of = prices.of({step("all_reduce", 8192, 1, {0, 1}, "embedding"),
                             step("all_reduce", 8192, 64, {0, 1}),
                             step("all_gather", 4096, 1, {0, 1}, "logits")});
  ASSERT_TRUE(of);
  EXPECT_THAT(
      *of, UnorderedElementsAre(Pair("all_reduce", near(650e-6)), Pair("all_gather", near(7e-6))));
}

TEST(TokenPrices, AreMissingWithoutACurve) {
  TokenPrices prices;
  prices.add(step("all_reduce", 8192, 1, {0, 1}), 10e-6);
  EXPECT_FALSE(prices.of({step("all_reduce", 4096, 1, {0, 1})}));
  EXPECT_FALSE(prices.of({step("all_reduce", 8192, 1, {2, 3})}));
}

TEST(TokenPrices, OfAMessageBackAreThoseOfTheWayThere) {
  TokenPrices prices;
  prices.add(step("send_recv", 4, 1, {0, 1}), 3e-6);
  const auto of = prices.of({step("send_recv", 4, 1, {1, 0})});
  ASSERT_TRUE(of);
  EXPECT_THAT(*of, UnorderedElementsAre(Pair("send_recv", near(3e-6))));
}

TEST(TokenPrices, CountTheSlowestOfThoseSideBySide) {
  TokenPrices prices;
  prices.add(step("send_recv", 4096, 1, {0, 2}), 5e-6);
  prices.add(step("send_recv", 4096, 1, {1, 3}), 8e-6);
  prices.add(step("send_recv", 4, 1, {0, 2}), 1e-6);
  const auto of = prices.of({step("send_recv", 4096, 2, {0, 2}, "hop"),
                             step("send_recv", 4096, 2, {1, 3}, "hop"),
                             step("send_recv", 4, 1, {2, 0}, "back")});
  ASSERT_TRUE(of);
  EXPECT_THAT(*of, UnorderedElementsAre(Pair("send_recv", near(17e-6))));
}

TEST(TokenPrices, CountHopsThatFollowEachOtherEach) {
  TokenPrices prices;
  prices.add(step("send_recv", 4096, 1, {0, 1}), 5e-6);
  prices.add(step("send_recv", 4096, 1, {1, 2}), 8e-6);
  const auto of = prices.of(
      {step("send_recv", 4096, 1, {0, 1}, "hop"), step("send_recv", 4096, 1, {1, 2}, "hop")});
  ASSERT_TRUE(of);
  EXPECT_THAT(*of, UnorderedElementsAre(Pair("send_recv", near(13e-6))));
}

TEST(TokenRecord, SharesATokensTimeAmongItsKinds) {
  Row row;
  row.counters["wire_us"] = 100;
  add_shares(
      {step("all_reduce", 8192, 5, {0, 1}), step("send_recv", 4096, 1, {0, 1}, "hop")},
      {R"({"steps": [{"us": 60, "first_us": 20, "alone_us": 45}, {}]})", R"({"steps": [{}, {}]})"},
      {{"all_reduce", 50e-6}, {"send_recv", 30e-6}}, row);
  EXPECT_DOUBLE_EQ(row.counters["all_reduce_us"], 60);
  EXPECT_DOUBLE_EQ(row.counters["all_reduce_alone_us"], 45);
  EXPECT_DOUBLE_EQ(row.counters["all_reduce_first_us"], 10);  // 20 against 10 of each other one
  EXPECT_DOUBLE_EQ(row.counters["send_recv_us"], 40);         // what is left
  EXPECT_DOUBLE_EQ(row.counters["priced_us"], 80);
}

TEST(TokenRecord, TellsWhatTheSlowestRankRead) {
  Row row;
  add_pauses({R"({"paused_us": 900, "pausing_s": 0.1, "read_bytes": 1000000000})",
              R"({"pausing_s": 0.1, "read_bytes": 800000000})"},
             800, row);
  EXPECT_DOUBLE_EQ(row.counters["paused_us"], 900);
  EXPECT_DOUBLE_EQ(row.counters["read_GBps"], 8);
  EXPECT_THAT(row.doubts, IsEmpty());
}

TEST(TokenRecord, DoubtsPausesThatTookMuchLongerThanAsked) {
  Row row;
  add_pauses({R"({"paused_us": 900, "pausing_s": 0.1, "read_bytes": 1})"}, 300, row);
  EXPECT_THAT(row.doubts, ElementsAre(HasSubstr("pauses took 3.0 times what --gap asks")));
}

}  // namespace
}  // namespace wiretax::bench
