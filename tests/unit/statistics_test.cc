#include "report/statistics.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>
#include <tuple>
#include <vector>

namespace wiretax {
namespace {

std::vector<double> counted(int n) {
  std::vector<double> values;
  for (int i = 1; i <= n; ++i) values.push_back(i);
  return values;
}

TEST(Statistics, MeanAndMedian) {
  EXPECT_DOUBLE_EQ(mean(std::array{1.0, 2.0, 6.0}), 3);
  EXPECT_DOUBLE_EQ(median(std::array{6.0, 1.0, 2.0}), 2);
  EXPECT_DOUBLE_EQ(median(std::array{6.0, 1.0, 2.0, 4.0}), 3);
}

TEST(Statistics, StandardDeviationKeepsItsDigits) {
  EXPECT_DOUBLE_EQ(*standard_deviation(std::array{1e9 + 1, 1e9 + 2, 1e9 + 3}), 1);
  EXPECT_FALSE(standard_deviation(std::array{1.0}));
}

TEST(Statistics, SlopePerStep) {
  EXPECT_DOUBLE_EQ(slope(std::array{5.0, 7.0, 9.0}), 2);
  EXPECT_DOUBLE_EQ(slope(std::array{4.0, 4.0, 4.0, 4.0}), 0);
  EXPECT_DOUBLE_EQ(slope(std::array{4.0}), 0);
}

// Samples that support a quantile at 95 % confidence: 1 - p^n >= .95.
TEST(Statistics, PercentilesNeedTheirSamples) {
  EXPECT_FALSE(percentile(counted(28), .9));
  EXPECT_DOUBLE_EQ(*percentile(counted(29), .9), 27);  // nearest rank: ceil(26.1)
  EXPECT_FALSE(percentile(counted(298), .99));
  EXPECT_DOUBLE_EQ(*percentile(counted(299), .99), 297);
  EXPECT_FALSE(percentile(counted(2994), .999));
  EXPECT_DOUBLE_EQ(*percentile(counted(2995), .999), 2993);
  EXPECT_FALSE(percentile({}, .5));
}

// Ranks of the exact interval of the median: reliability notes, rule S8.
TEST(Statistics, MedianIntervalByRanks) {
  struct Case {
    int n;
    double low;
    double high;
  };
  for (const auto& [n, low, high] :
       {Case{6, 1, 6}, Case{10, 2, 9}, Case{20, 6, 15}, Case{100, 40, 61}}) {
    const auto interval = median_interval(counted(n));
    ASSERT_TRUE(interval) << n;
    EXPECT_DOUBLE_EQ(interval->low, low) << n;
    EXPECT_DOUBLE_EQ(interval->high, high) << n;
  }
  EXPECT_FALSE(median_interval(counted(5)));
}

TEST(Statistics, MeanIntervalOfAConstantIsThatConstant) {
  const std::vector<double> values(10, 3.0);
  const auto interval = mean_interval(values, 1);
  ASSERT_TRUE(interval);
  EXPECT_NEAR(interval->low, 3, 1e-12);
  EXPECT_NEAR(interval->high, 3, 1e-12);
}

TEST(Statistics, MeanIntervalIsReproducibleAndNeedsSixValues) {
  const auto values = counted(20);
  EXPECT_DOUBLE_EQ(mean_interval(values, 7)->low, mean_interval(values, 7)->low);
  EXPECT_FALSE(mean_interval(counted(5), 7));
}

TEST(Statistics, MeanIntervalCoversTheTruthAboutAsOftenAsItSays) {
  std::mt19937_64 generator(42);
  std::normal_distribution<double> noise(10, 1);
  constexpr int kTrials = 400;
  int covered = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> values(60);
    for (double& value : values) value = noise(generator);
    const auto interval = mean_interval(values, static_cast<std::uint64_t>(trial));
    covered += interval->low <= 10 && 10 <= interval->high ? 1 : 0;
  }
  EXPECT_GE(covered, kTrials * 88 / 100);
  EXPECT_LE(covered, kTrials * 99 / 100);
}

TEST(Statistics, SlowSwingsWidenTheMeanInterval) {
  std::vector<double> swinging;
  std::vector<double> alternating;
  for (int i = 0; i < 64; ++i) {
    swinging.push_back(i % 16 < 8 ? 9 : 11);
    alternating.push_back(i % 2 == 0 ? 9 : 11);
  }
  const auto wide = mean_interval(swinging, 1);
  const auto narrow = mean_interval(alternating, 1);
  EXPECT_GT(wide->high - wide->low, 1.5 * (narrow->high - narrow->low));
}

/// A sample's mean with its interval by block bootstrap, as the programs write it.
Estimate bootstrapped(std::mt19937_64& generator, double mean, std::size_t n) {
  std::lognormal_distribution<double> noise(std::log(mean) - .02, .2);  // skewed, as times are
  std::vector<double> values(n);
  for (double& value : values) value = noise(generator);
  return {wiretax::mean(values), *mean_interval(values, generator())};
}

/// A sample of a normal: its mean is as uncertain as its interval says, to the last digit.
Estimate drawn(std::mt19937_64& generator, double mean, double deviation) {
  const double value = std::normal_distribution<double>(mean, deviation)(generator);
  return {value, {value - 1.959964 * deviation, value + 1.959964 * deviation}};
}

TEST(RatioInterval, OfOneKnownExactlyIsTheOthersInterval) {
  const auto interval = ratio_interval({2, {2, 2}}, {3, {2, 4}});
  EXPECT_NEAR(interval.low, 1, 1e-12);
  EXPECT_NEAR(interval.high, 2, 1e-12);
}

TEST(RatioInterval, TheOtherWayRoundIsItsInverse) {
  const Estimate a = {2, {1.9, 2.3}};
  const Estimate b = {3, {2.5, 3.1}};
  for (const double confidence : {.95, .99}) {
    const auto there = ratio_interval(a, b, confidence);
    const auto back = ratio_interval(b, a, confidence);
    EXPECT_NEAR(there.low * back.high, 1, 1e-12);
    EXPECT_NEAR(there.high * back.low, 1, 1e-12);
    EXPECT_LT(there.low, 1.5);
    EXPECT_GT(there.high, 1.5);
  }
}

TEST(RatioInterval, HigherConfidenceIsWiderByTheNormalsQuantiles) {
  const Estimate a = {1, {std::exp(-.0196), std::exp(.0196)}};
  const auto usual = ratio_interval(a, a);
  const auto wide = ratio_interval(a, a, .9973002);  // three standard deviations
  EXPECT_NEAR(std::log(wide.high) / std::log(usual.high), 3 / 1.959964, 1e-4);
}

TEST(RatioInterval, CoversTheTruthAsOftenAsItSays) {
  std::mt19937_64 generator(42);
  constexpr int kTrials = 4000;
  int covered = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    const auto interval = ratio_interval(drawn(generator, 10, .2), drawn(generator, 14, .5));
    covered += interval.low <= 1.4 && 1.4 <= interval.high ? 1 : 0;
  }
  EXPECT_GE(covered, kTrials * 94 / 100);
  EXPECT_LE(covered, kTrials * 96 / 100);
}

TEST(RatioInterval, OfBootstrappedMeansCoversAsOftenAsTheyDo) {
  std::mt19937_64 generator(7);
  constexpr int kTrials = 500;
  int covered = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    const auto a = bootstrapped(generator, 10, 40);
    const auto interval = ratio_interval(a, bootstrapped(generator, 12, 40));
    covered += interval.low <= 1.2 && 1.2 <= interval.high ? 1 : 0;
  }
  EXPECT_GE(covered, kTrials * 88 / 100);
  EXPECT_LE(covered, kTrials * 99 / 100);
}

TEST(RatioPValue, IsWhereTheIntervalTouches) {
  const Estimate a = {2, {1.9, 2.1}};
  const Estimate b = {3, {2.9, 3.2}};
  for (const double limit : {1.2, 1.45, 1.6}) {
    const auto interval = ratio_interval(a, b, 1 - ratio_p_value(a, b, limit));
    EXPECT_NEAR(limit < 1.5 ? interval.low : interval.high, limit, 1e-4);
  }
  EXPECT_DOUBLE_EQ(ratio_p_value(a, b, 1.5), 1);
  EXPECT_DOUBLE_EQ(ratio_p_value({2, {2, 2}}, {3, {3, 3}}, 1), 0);
}

TEST(Student, TheTablesOfItsQuantiles) {
  // Fisher and Yates, two sides, 5 % and 0.1 %.
  for (const auto& [degrees, five, tenth] :
       std::vector<std::tuple<std::uint64_t, double, double>>{{1, 12.706, 636.619},
                                                              {2, 4.303, 31.599},
                                                              {3, 3.182, 12.924},
                                                              {4, 2.776, 8.610},
                                                              {9, 2.262, 4.781},
                                                              {30, 2.042, 3.646},
                                                              {0, 1.960, 3.291}}) {
    EXPECT_NEAR(student_p_value(five, degrees) / .05, 1, 1e-3) << degrees;
    EXPECT_NEAR(student_p_value(tenth, degrees) / .001, 1, 2e-3) << degrees;
    EXPECT_DOUBLE_EQ(student_p_value(0, degrees), 1) << degrees;
  }
}

TEST(Student, TheIntervalOfStartsCoversTheTruth) {
  std::mt19937_64 generator(42);
  std::lognormal_distribution<double> start(0, .05);
  constexpr int kTrials = 2000;
  for (const std::size_t starts : {2U, 3U, 6U}) {
    int covered = 0;
    for (int trial = 0; trial < kTrials; ++trial) {
      std::vector<double> times(starts);
      for (auto& time : times) time = start(generator);
      const auto interval = student_estimate(times)->interval;
      covered += interval.low <= 1 && 1 <= interval.high ? 1 : 0;
    }
    EXPECT_GE(covered, kTrials * 93 / 100) << starts;
    EXPECT_LE(covered, kTrials * 97 / 100) << starts;
  }
}

TEST(Student, OneStartAndEqualOnesHaveNone) {
  EXPECT_FALSE(student_estimate(std::vector<double>{30e-6}));
  EXPECT_FALSE(student_estimate(std::vector<double>{30e-6, 30e-6, 30e-6}));
}

TEST(Discoveries, BenjaminisAndHochbergsOwnExample) {
  // Fifteen p-values of their paper of 1995: four are discoveries at 5 %.
  const std::vector<double> values = {.0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344,
                                      .0459, .3240, .4262, .5719, .6528, .7590, 1.0};
  EXPECT_NEAR(discovery_limit(values, .05), .05 * 4 / 15, 1e-12);
  EXPECT_DOUBLE_EQ(discovery_limit(std::vector<double>{.06, .9}, .05), 0);
  EXPECT_DOUBLE_EQ(discovery_limit(std::vector<double>{}, .05), 0);
}

}  // namespace
}  // namespace wiretax
