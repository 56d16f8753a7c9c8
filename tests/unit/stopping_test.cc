#include "bench/harness/stopping.h"

#include <gmock/gmock.h>

#include <cmath>

namespace wiretax::bench {
namespace {

const Rules kRules = {.minimum_s = 0.1, .cap_s = 2, .batch_s = 0.01, .half_width = 0.02};

TEST(WarmUp, WaitsForTenBatchesEvenWhenTheyAreEqual) {
  WarmUp warm_up(kRules);
  for (int i = 0; i < 9; ++i) warm_up.add(1e-3, 0.01);
  EXPECT_FALSE(warm_up.steady());
  warm_up.add(1e-3, 0.01);
  EXPECT_TRUE(warm_up.steady());
}

TEST(WarmUp, GoesOnWhileBatchesStillGetFaster) {
  WarmUp warm_up(kRules);
  for (int i = 0; i < 10; ++i) warm_up.add(1e-3 * std::pow(0.9, i), 0.01);
  EXPECT_FALSE(warm_up.steady());
  EXPECT_FALSE(warm_up.done());
}

TEST(WarmUp, GivesUpAfterThreeTimesTheMinimumAndIsThenNotSteady) {
  WarmUp warm_up(kRules);
  for (int i = 0; i < 30; ++i) warm_up.add(1e-3 * std::pow(0.9, i), 0.0101);
  EXPECT_TRUE(warm_up.done());
  EXPECT_FALSE(warm_up.steady());
}

TEST(WarmUp, NoiseWithoutATrendIsSteady) {
  WarmUp warm_up(kRules);
  for (const double noise : {1.3, .8, 1.1, .7, 1.2, .9, 1.4, .8, 1.1, 1.0})
    warm_up.add(noise, 0.01);
  EXPECT_TRUE(warm_up.steady());
}

TEST(StoppingRule, NeedsTenBatchesAndTheMinimumTime) {
  StoppingRule few(kRules, 1);
  for (int i = 0; i < 9; ++i) few.add(1e-3, 1);
  EXPECT_FALSE(few.converged());
  StoppingRule brief(kRules, 1);
  for (int i = 0; i < 50; ++i) brief.add(1e-3, 0.001);
  EXPECT_FALSE(brief.converged());
  for (int i = 0; i < 60; ++i) brief.add(1e-3, 0.001);
  EXPECT_TRUE(brief.converged());
}

TEST(StoppingRule, WideNoiseDoesNotConvergeUntilManyBatchesNarrowIt) {
  StoppingRule rule(kRules, 1);
  for (int i = 0; i < 20; ++i) rule.add(i % 3 == 0 ? 1.5e-3 : 0.8e-3, 0.01);
  EXPECT_FALSE(rule.converged());
  for (int i = 0; i < 20000 && !rule.converged(); ++i) rule.add(i % 3 == 0 ? 1.5e-3 : 0.8e-3, 0.01);
  ASSERT_TRUE(rule.converged());
  const auto interval = rule.interval();
  ASSERT_TRUE(interval);
  const double centre = mean(rule.means());
  EXPECT_LE((interval->high - interval->low) / 2, 0.02 * centre);
  EXPECT_LT(interval->low, centre);
  EXPECT_GT(interval->high, centre);
}

TEST(Drift, IsSeenInALeaningSeriesAndNotInNoise) {
  std::vector<double> leaning;
  std::vector<double> noisy;
  for (int i = 0; i < 40; ++i) {
    leaning.push_back(1 + 0.005 * i + (i % 2 == 0 ? 0.01 : -0.01));
    noisy.push_back(1 + (i % 3 == 0 ? 0.2 : -0.1));
  }
  EXPECT_TRUE(drifts(leaning));
  EXPECT_FALSE(drifts(noisy));
}

}  // namespace
}  // namespace wiretax::bench
