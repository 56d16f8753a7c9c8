#include "report/statistics.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>
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

}  // namespace
}  // namespace wiretax
