#include "bench/harness/plan.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <set>

#include "bench/harness/round_robin.h"

namespace wiretax::bench {
namespace {

std::vector<Point> curve(const std::string& operation, const std::vector<std::uint64_t>& sizes) {
  std::vector<Point> points;
  for (const auto bytes : sizes) {
    const auto name = fmt::format("{}/backend:mpi/bytes:{}", operation, bytes);
    points.push_back({.name = name, .specification = name, .bytes = bytes});
  }
  return points;
}

std::set<std::uint64_t> sizes_of(const std::vector<Point>& points) {
  std::set<std::uint64_t> sizes;
  for (const auto& point : points) sizes.insert(point.bytes);
  return sizes;
}

std::vector<std::uint64_t> doubling(std::uint64_t first, int count) {
  std::vector<std::uint64_t> sizes(static_cast<std::size_t>(count), first);
  for (int i = 0; i < count; ++i) sizes[static_cast<std::size_t>(i)] <<= i;
  return sizes;
}

TEST(Plan, FullRunMeasuresEverythingInAnOrderOfTheSeed) {
  const auto points = curve("all_reduce", doubling(8, 20));
  const auto one = make_plan(points, Profile::kFull, 1);
  EXPECT_TRUE(one.left_out.empty());
  EXPECT_EQ(sizes_of(one.points), sizes_of(points));
  const auto names = [](const Plan& plan) {
    std::vector<std::string> list;
    list.reserve(plan.points.size());
    for (const auto& point : plan.points) list.push_back(point.name);
    return list;
  };
  EXPECT_EQ(names(one), names(make_plan(points, Profile::kFull, 1)));
  EXPECT_NE(names(one), names(make_plan(points, Profile::kFull, 2)));
}

TEST(Plan, QuickRunStaysWithinAMinuteInTheWorstCase) {
  auto points = curve("all_reduce", doubling(8, 24));
  std::ranges::move(curve("all_gather", doubling(8, 24)), std::back_inserter(points));
  const auto plan = make_plan(points, Profile::kQuick, 1);
  double worst_s = 0;
  for (const auto& point : plan.points) {
    worst_s += rules_for(Profile::kQuick, point.precision).worst_case_s();
  }
  EXPECT_LE(worst_s, 60);
  EXPECT_EQ(plan.points.size() + plan.left_out.size(), points.size());
  EXPECT_FALSE(plan.left_out.empty());
}

TEST(Plan, QuickRunKeepsTheEndsOfEveryCurveAndNoWideHole) {
  auto points = curve("all_reduce", doubling(8, 24));
  std::ranges::move(curve("send_recv", doubling(8, 24)), std::back_inserter(points));
  const auto plan = make_plan(points, Profile::kQuick, 1);
  for (const std::string operation : {"all_reduce", "send_recv"}) {
    std::vector<std::uint64_t> kept;
    for (const auto& point : plan.points) {
      if (point.name.starts_with(operation)) kept.push_back(point.bytes);
    }
    std::ranges::sort(kept);
    ASSERT_GE(kept.size(), 2U);
    EXPECT_EQ(kept.front(), 8U);
    EXPECT_EQ(kept.back(), 8U << 23);
    for (std::size_t i = 1; i < kept.size(); ++i) EXPECT_LE(kept[i], 8 * kept[i - 1]);
  }
}

TEST(Plan, PointsOfOneMeasurementStayTogether) {
  std::vector<Point> points;
  for (int size = 0; size < 5; ++size) {
    for (int pair = 0; pair < 3; ++pair) {
      points.push_back({.name = fmt::format("tcp/from:{}/bytes:{}", pair, 64 << size),
                        .specification = fmt::format("size {}", size),
                        .bytes = 64U << size,
                        .group = pair});
    }
  }
  const auto plan = make_plan(points, Profile::kQuick, 3);
  ASSERT_EQ(plan.points.size(), 15U);
  for (std::size_t i = 0; i < plan.points.size(); ++i) {
    EXPECT_EQ(plan.points[i].specification, plan.points[i - i % 3].specification);
    EXPECT_EQ(plan.points[i].group, static_cast<int>(i % 3));
  }
}

TEST(RoundRobin, PairsOfOneMachineTakeTurns) {
  const auto rounds = apart(round_robin(4), {"a", "a", "b", "b"});
  std::set<std::pair<int, int>> met;
  for (const auto& round : rounds) {
    for (const auto& [low, high] : round) met.insert({low, high});
    // 0 and 1 share a card, and so do 2 and 3: only these two pairs can be at work at once.
    if (round.size() > 1) {
      EXPECT_EQ(round, (Round{{0, 1}, {2, 3}}));
    }
  }
  EXPECT_EQ(met.size(), 6U);
  EXPECT_EQ(rounds.size(), 5U);
  EXPECT_EQ(apart(round_robin(4), {"a", "b", "c", "d"}), round_robin(4));
}

TEST(RoundRobin, ARanksSeat) {
  const Round round = {{0, 3}, {1, 2}};
  EXPECT_EQ(seat_of(round, 2).pair, (RankPair{1, 2}));
  EXPECT_EQ(seat_of(round, 2).index, 1);
  EXPECT_EQ(seat_of(round, 4).pair.from, RankPair::kNobody);
}

TEST(RoundRobin, EveryPairMeetsOnceAndNobodyTwiceInARound) {
  for (const int ranks : {2, 3, 4, 5, 8, 9}) {
    std::set<std::pair<int, int>> met;
    const auto rounds = round_robin(ranks);
    EXPECT_EQ(rounds.size(), static_cast<std::size_t>(ranks % 2 == 0 ? ranks - 1 : ranks));
    for (const auto& round : rounds) {
      std::set<int> busy;
      EXPECT_EQ(round.size(), static_cast<std::size_t>(ranks / 2));
      for (const auto& [low, high] : round) {
        EXPECT_LT(low, high);
        EXPECT_LT(high, ranks);
        EXPECT_TRUE(busy.insert(low).second);
        EXPECT_TRUE(busy.insert(high).second);
        EXPECT_TRUE(met.insert({low, high}).second);
      }
    }
    EXPECT_EQ(met.size(), static_cast<std::size_t>(ranks * (ranks - 1) / 2));
  }
}

}  // namespace
}  // namespace wiretax::bench
