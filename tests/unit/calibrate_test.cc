#include "report/calibrate.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "report/catalogue.h"
#include "report/record.h"
#include "report/strategies.h"
#include "report/units.h"

namespace wiretax {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr double kEfficiency = .72;
constexpr double kFixedS = .0065;
constexpr double kGamma = .7;

Claim run_of(const char* model) {
  Claim run;
  run.model = find_model(model);
  run.machine = find_machine("dgx-spark");
  return run;
}

/// Decoding as the cost model has it with known parameters.
void add_decoding(Claim& run, std::uint64_t batch, std::uint64_t context) {
  Fabric fabric;
  fabric.all_reduce = Curve({{1, 1e-9, {1e-9, 1e-9}}});
  Observation seen;
  seen.concurrency = batch;
  seen.depth = context;
  seen.context = context;
  const Setting setting{run.model, run.machine, fabric,
                        decode_step(run.model, workload_of(run, seen))};
  const auto parts =
      plan_single(setting).parts(run.model, run.machine, {kEfficiency, kFixedS, kGamma, 0, 0});
  seen.tokens_per_s = real(batch) / parts.total();
  seen.error = seen.tokens_per_s * .005;
  run.observed.push_back(seen);
}

bool holds(const Band& band, double value) { return band.low <= value && value <= band.high; }

TEST(Calibrate, SeveralContextsTellEfficiencyAndFixedCostApart) {
  auto run = run_of("Llama-3.1-8B");
  for (const std::uint64_t context : {1'000U, 16'000U, 64'000U, 128'000U}) {
    add_decoding(run, 1, context);
    add_decoding(run, 4, context);
  }
  const auto result = calibrate(run);
  EXPECT_TRUE(result.told_apart);
  EXPECT_TRUE(holds(result.efficiency, kEfficiency));
  EXPECT_TRUE(holds(result.fixed_s, kFixedS));
  EXPECT_NEAR(result.efficiency.mid, kEfficiency, .01);
  EXPECT_NEAR(result.fixed_s.mid, kFixedS, 1e-3);
  EXPECT_THAT(result.pairs, IsEmpty());
  EXPECT_FALSE(result.gamma);
  for (const auto& test : result.tests) EXPECT_NEAR(test.fitted / test.seen, 1, .005);
}

TEST(Calibrate, ABatchSweepOfExpertsTellsGamma) {
  auto run = run_of("gpt-oss-120b");
  for (const std::uint64_t batch : {1U, 2U, 4U, 8U, 16U, 32U, 64U}) add_decoding(run, batch, 1024);
  const auto result = calibrate(run);
  ASSERT_TRUE(result.gamma);
  EXPECT_TRUE(holds(*result.gamma, kGamma));
  EXPECT_LT(result.gamma->high - result.gamma->low, .3);
  EXPECT_TRUE(holds(result.efficiency, kEfficiency));
  EXPECT_TRUE(holds(result.fixed_s, kFixedS));
}

TEST(Calibrate, OneBatchCannotTellThemApart) {
  auto run = run_of("Llama-3.1-8B");
  add_decoding(run, 1, 1024);
  const auto result = calibrate(run);
  EXPECT_FALSE(result.told_apart);
  EXPECT_THAT(result.notes, Contains(HasSubstr("cannot be told apart")));
  ASSERT_THAT(result.pairs, Not(IsEmpty()));
  EXPECT_GT(result.pairs.back().fixed_s, result.pairs.front().fixed_s);
  EXPECT_FALSE(result.pairs.front().gamma) << "a dense model has no experts";
  EXPECT_EQ(result.fixed_s, run.machine.fixed_s);
  EXPECT_TRUE(holds(result.efficiency, kEfficiency));
}

TEST(Calibrate, AFitThatTheTestsRefuteIsCalledSo) {
  auto run = run_of("Qwen3.6-27B-FP8");
  run.observed = parse_observations("tg128=6,tg128@d65536=8");
  EXPECT_THAT(calibrate(run).refuted, HasSubstr("miss by up to "));
  run.observed = parse_observations("c1=0.1");
  EXPECT_THAT(calibrate(run).refuted, HasSubstr("edge"));
  run.observed = parse_observations("c1=7.7,tg128@d65536=6.9");
  EXPECT_THAT(calibrate(run).refuted, IsEmpty());
}

/// How far from the test a machine with these is.
double miss_of(const Claim& run, const Observation& seen, const FittingPair& pair) {
  const auto fabric = silent_fabric(2);
  const Setting setting{run.model, run.machine, fabric,
                        decode_step(run.model, workload_of(run, seen))};
  const auto parts = plan_single(setting).parts(
      run.model, run.machine, {pair.efficiency, pair.fixed_s, pair.gamma.value_or(1), 0, 0});
  return std::abs(real(seen.concurrency) / parts.total() / seen.tokens_per_s - 1);
}

TEST(Calibrate, ListedPairsMeetTheTestThatIsSure) {
  auto run = run_of("gpt-oss-120b");
  run.observed = parse_observations("c1=35+-40,c8=110+-.1");
  const auto pairs = calibrate(run).pairs;
  ASSERT_THAT(pairs, Not(IsEmpty()));
  for (const auto& pair : pairs) {
    EXPECT_TRUE(pair.gamma);
    EXPECT_LT(miss_of(run, run.observed.back(), pair), .02) << pair.efficiency;
  }
}

TEST(Calibrate, APromptTellsTheRateOfPrompts) {
  auto run = run_of("Qwen3.6-27B-FP8");
  run.observed = parse_observations("c1=7.7,pp512=931");
  const auto result = calibrate(run);
  ASSERT_TRUE(result.prefill_flops_per_s);
  // 512 tokens x 2 x 24.3 billion in the layers in 545 ms, beside the fixed cost.
  EXPECT_NEAR(result.prefill_flops_per_s->mid / kTeraflop, 45.8, 1);
  EXPECT_EQ(result.assumed_error, .02);
}

TEST(Calibrate, APromptBoundByReadingTellsNone) {
  auto run = run_of("Qwen3.6-27B-FP8");
  run.observed = parse_observations("c1=7.7,pp1=7.7");
  const auto result = calibrate(run);
  EXPECT_FALSE(result.prefill_flops_per_s);
  EXPECT_THAT(result.notes, Contains(HasSubstr("tells no prefill rate")));
}

TEST(Calibrate, WhatMemoryForbidsIsRefused) {
  auto run = run_of("Qwen3.6-27B-FP8");
  run.observed = parse_observations("c1=22.6");
  try {
    calibrate(run);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("--tokens-per-step"));
  }
}

TEST(Calibrate, TheMachineGoesThroughAFile) {
  auto run = run_of("gpt-oss-120b");
  for (const std::uint64_t batch : {1U, 4U, 16U, 64U}) add_decoding(run, batch, 1024);
  const auto machine = calibrate(run).machine;
  const auto read = parse_machine(machine_json(machine), "machine.json");
  EXPECT_NEAR(read.efficiency.mid, machine.efficiency.mid, 1e-12);
  EXPECT_NEAR(read.fixed_s.high, machine.fixed_s.high, 1e-12);
  EXPECT_NEAR(read.gamma->mid, machine.gamma->mid, 1e-12);
  EXPECT_THAT(read.sources.at("efficiency"), HasSubstr("gpt-oss-120b"));
  EXPECT_EQ(read.gpu, "NVIDIA GB10");
}

}  // namespace
}  // namespace wiretax
