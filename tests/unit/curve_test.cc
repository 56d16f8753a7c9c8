#include "report/curve.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

namespace wiretax {
namespace {

CurvePoint point(std::uint64_t bytes, double time_s) {
  return {bytes, time_s, {0.5 * time_s, 2 * time_s}};
}

TEST(Curve, MeasuredPointsAreReturnedExactly) {
  const Curve curve({point(4096, 3), point(1024, 1)});
  EXPECT_EQ(curve.at(1024).time_s, 1);
  EXPECT_EQ(curve.at(4096).time_s, 3);
  EXPECT_EQ(curve.at(4096).interval_s.high, 6);
  EXPECT_EQ(curve.at(4096).range, CurveRange::kMeasured);
}

TEST(Curve, BetweenPointsItIsStraightInLogarithms) {
  const Curve curve({point(100, 1), point(400, 4)});
  EXPECT_NEAR(curve.at(200).time_s, 2, 1e-12);
  EXPECT_NEAR(curve.at(200).interval_s.low, 1, 1e-12);
  EXPECT_NEAR(curve.at(200).interval_s.high, 4, 1e-12);
  EXPECT_EQ(curve.at(200).range, CurveRange::kMeasured);
  EXPECT_TRUE(curve.holes().empty());
}

TEST(Curve, InAHoleTheTimeIsAnyThatGrowsNoFasterThanTheBytes) {
  const Curve curve({{100, 2, {2, 2}}, {10'000, 20, {20, 20}}});
  const auto time = curve.at(1000);
  EXPECT_EQ(time.range, CurveRange::kHole);
  EXPECT_NEAR(time.time_s, std::sqrt(40), 1e-12);  // on the chord
  EXPECT_NEAR(time.interval_s.low, 2, 1e-12);      // flat at first, then steep
  EXPECT_NEAR(time.interval_s.high, 20, 1e-12);    // steep at first, then flat
  EXPECT_NEAR(curve.at(110).interval_s.high, 2.2, 1e-12);
  EXPECT_NEAR(curve.at(9000).interval_s.low, 18, 1e-12);
  EXPECT_EQ(curve.at(100).range, CurveRange::kMeasured);
  ASSERT_EQ(curve.holes().size(), 1U);
  EXPECT_EQ(curve.holes().front().second, 10'000U);
}

TEST(Curve, ItNeedNotBeMonotone) {
  const Curve curve({point(100, 4), point(400, 1)});
  EXPECT_NEAR(curve.at(200).time_s, 2, 1e-12);
}

TEST(Curve, OutsideTheMeasuredSizesItSaysSo) {
  const Curve curve({point(1000, 2), point(2000, 3)});
  EXPECT_EQ(curve.at(1).time_s, 2);
  EXPECT_EQ(curve.at(1).range, CurveRange::kBelowSmallest);
  EXPECT_DOUBLE_EQ(curve.at(8000).time_s, 12);
  EXPECT_DOUBLE_EQ(curve.at(8000).interval_s.low, 6);
  EXPECT_EQ(curve.at(8000).range, CurveRange::kAboveLargest);
}

TEST(Curve, RepeatsOfASizeBecomeTheirMean) {
  const Curve curve({point(1000, 2), point(1000, 4)});
  ASSERT_EQ(curve.points().size(), 1U);
  EXPECT_DOUBLE_EQ(curve.at(1000).time_s, 3);
  EXPECT_DOUBLE_EQ(curve.at(1000).interval_s.low, 1);
  EXPECT_DOUBLE_EQ(curve.at(1000).interval_s.high, 8);
}

TEST(Curve, WhatIsNoMeasurementIsRefused) {
  EXPECT_THROW(Curve({point(0, 1)}), std::invalid_argument);
  EXPECT_THROW(Curve({point(8, 0)}), std::invalid_argument);
  EXPECT_THROW(Curve({point(8, -1)}), std::invalid_argument);
  EXPECT_THROW(Curve({point(8, std::numeric_limits<double>::quiet_NaN())}), std::invalid_argument);
  EXPECT_THROW(Curve({point(8, std::numeric_limits<double>::infinity())}), std::invalid_argument);
}

TEST(Curve, SaysWhichPointsATimeWasTakenFrom) {
  const Curve curve({{8, 1, {1, 1}}, {16, 2, {2, 2}}});
  EXPECT_EQ(curve.at(12).lower.bytes, 8U);
  EXPECT_EQ(curve.at(12).upper.bytes, 16U);
  for (const double outside : {4.0, 8.0}) {
    EXPECT_EQ(curve.at(outside).lower.bytes, 8U);
    EXPECT_EQ(curve.at(outside).upper.bytes, 8U);
  }
  EXPECT_EQ(curve.at(32).lower.bytes, 16U);
}

}  // namespace
}  // namespace wiretax
