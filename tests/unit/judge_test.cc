#include "bench/harness/judge.h"

#include <gmock/gmock.h>

namespace wiretax::bench {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;

Measurement steady_measurement() {
  Measurement measurement;
  measurement.operations = 1000;
  measurement.total_s = 10e-3;
  measurement.batch_means_s.assign(20, 10e-6);
  measurement.steady = true;
  measurement.stop = Stop::kConverged;
  measurement.interval_s = Interval{9.9e-6, 10.1e-6};
  return measurement;
}

const Point kPoint = {.name = "all_reduce/bytes:8", .specification = "", .bytes = 8};

TEST(Judge, ASteadyMeasurementIsValidAndSaysItsInterval) {
  const auto row = judge(steady_measurement(), kPoint);
  EXPECT_EQ(label_of(row), "valid");
  EXPECT_DOUBLE_EQ(row.time_s, 10e-6);
  EXPECT_DOUBLE_EQ(row.counters.at("mean_lo_us"), 9.9);
  EXPECT_DOUBLE_EQ(row.counters.at("mean_hi_us"), 10.1);
  EXPECT_DOUBLE_EQ(row.counters.at("operations"), 1000);
}

TEST(Judge, WhatTheSamplesCannotSupportIsAbsentAndNotZero) {
  auto measurement = steady_measurement();
  EXPECT_THAT(judge(measurement, kPoint).counters, Not(Contains(Key("max_us"))));
  measurement.single_s.assign(298, 10e-6);
  measurement.single_s.back() = 99e-6;
  auto counters = judge(measurement, kPoint).counters;
  EXPECT_DOUBLE_EQ(counters.at("max_us"), 99);
  EXPECT_THAT(counters, Contains(Key("p90_us")));
  EXPECT_THAT(counters, Not(Contains(Key("p99_us"))));
  measurement.single_s.push_back(10e-6);
  counters = judge(measurement, kPoint).counters;
  EXPECT_THAT(counters, Contains(Key("p99_us")));
  EXPECT_THAT(counters, Not(Contains(Key("p999_us"))));
}

TEST(Judge, HalfARoundTripIsHalfOfEveryTime) {
  auto measurement = steady_measurement();
  for (int i = 0; i < 150; ++i)
    measurement.single_s.insert(measurement.single_s.end(), {8e-6, 12e-6});
  measurement.single_s.push_back(99e-6);
  const auto whole = judge(measurement, kPoint);
  auto point = kPoint;
  point.share = 0.5;
  const auto half = judge(measurement, point);
  EXPECT_DOUBLE_EQ(half.time_s, 5e-6);
  for (const char* const counter :
       {"mean_lo_us", "mean_hi_us", "min_us", "p50_us", "p99_us", "max_us", "stdev_us"}) {
    EXPECT_DOUBLE_EQ(half.counters.at(counter), whole.counters.at(counter) / 2) << counter;
  }
  EXPECT_DOUBLE_EQ(half.counters.at("max_us"), 49.5);
  // 301 times around 10.3 us: the one far out counts, as it does not in a histogram's tail.
  EXPECT_NEAR(whole.counters.at("stdev_us"), 5.506, 0.001);
}

TEST(Judge, EveryDoubtHasItsReason) {
  auto wide = steady_measurement();
  wide.interval_s = Interval{9e-6, 11e-6};
  EXPECT_THAT(label_of(judge(wide, kPoint)), HasSubstr("suspect: mean known to +-10 % only"));
  auto unsteady = steady_measurement();
  unsteady.steady = false;
  EXPECT_THAT(label_of(judge(unsteady, kPoint)), HasSubstr("not steady after warm-up"));
  auto skewed = steady_measurement();
  skewed.skew_s = 3e-6;
  EXPECT_THAT(label_of(judge(skewed, kPoint)), HasSubstr("one rank far behind, by 30 %"));
  auto few = steady_measurement();
  few.interval_s.reset();
  few.batch_means_s.resize(3);
  EXPECT_THAT(label_of(judge(few, kPoint)), HasSubstr("only 3 batches"));
}

TEST(Judge, JitterAloneIsNoFault) {
  auto measurement = steady_measurement();
  measurement.single_s.assign(1000, 10e-6);
  measurement.single_s[500] = 10e-3;
  EXPECT_EQ(label_of(judge(measurement, kPoint)), "valid");
}

TEST(Judge, MoreThanThePhysicalBoundIsInvalid) {
  Row row;
  row.counters = {{"Gbps", 92.9}, {"bound_Gbps", 92.59}};
  check_bound(row);
  EXPECT_FALSE(row.invalid);
  row.counters["Gbps"] = 93.2;
  check_bound(row);
  ASSERT_TRUE(row.invalid);
  EXPECT_THAT(*row.invalid, HasSubstr("above the physical bound of 92.59 Gb/s"));
  Row unbounded;
  unbounded.counters = {{"Gbps", 1e6}};
  check_bound(unbounded);
  EXPECT_FALSE(unbounded.invalid);
}

}  // namespace
}  // namespace wiretax::bench
