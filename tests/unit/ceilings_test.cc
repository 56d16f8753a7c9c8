// What is possible at all: cost-model, section 4. Published claims are held against the bytes that
// have to be read and the messages that have to be sent.

#include <gtest/gtest.h>

#include <algorithm>

#include "report/catalogue.h"
#include "report/prefill.h"
#include "report/traffic.h"

namespace wiretax {
namespace {

/// Nothing but reading, at the full rate.
constexpr Assumptions kCeiling = {.efficiency = 1, .fixed_s = 0, .gamma = 1};

Fabric fabric_of(std::uint64_t bytes, double time_s) {
  Fabric fabric;
  fabric.all_reduce = Curve({{bytes, time_s, {time_s, time_s}}});
  return fabric;
}

Parts parts(const Model& model, const Machine& machine, Strategy strategy, std::uint64_t batch,
            const Fabric& fabric = fabric_of(8, 1e-6)) {
  const auto plans = plan_strategies(model, machine, fabric, {batch, 1, 2});
  const auto& plan = *std::ranges::find(plans, strategy, &Plan::strategy);
  return plan.parts(model, machine, kCeiling);
}

double weights_s(const std::string& model, Strategy strategy, std::uint64_t batch) {
  return parts(find_model(model), find_machine("dgx-spark"), strategy, batch).weights_s;
}

bool fits(const std::string& model, Strategy strategy, double gigabytes) {
  auto machine = find_machine("dgx-spark");
  machine.memory_bytes = gigabytes * 1e9;
  machine.reserve_bytes = 0;
  const auto plans = plan_strategies(find_model(model), machine, fabric_of(8, 1e-6), {1, 1024, 2});
  return std::ranges::find(plans, strategy, &Plan::strategy)->fits();
}

TEST(Ceilings, Qwen27BOnOneSparkAndOnTwo) {
  EXPECT_NEAR(1 / weights_s("Qwen3.6-27B-FP8:fp8", Strategy::kSingle, 1), 10.15, .02);
  EXPECT_NEAR(1 / weights_s("Qwen3.6-27B-FP8:fp8", Strategy::kTensorParallel, 1), 20.3, .04);
  // 22.6 tokens/s on one machine need at least 2.23 tokens a step.
  EXPECT_NEAR(22.6 * weights_s("Qwen3.6-27B-FP8:fp8", Strategy::kSingle, 1), 2.23, .01);
}

TEST(Ceilings, AnFp8HeadRaisesThem) {
  auto model = find_model("Qwen3.6-27B-FP8:fp8");
  model.quant.bits.lm_head = 8;
  const auto one = parts(model, find_machine("dgx-spark"), Strategy::kSingle, 1);
  EXPECT_NEAR(1 / one.weights_s, 10.65, .02);
}

/// A step of 123.5 ms leaves this for each of 129 all-reduces, at efficiency 1 and .75.
TEST(Ceilings, TheImpliedAllReduceOfTheQwenArticle) {
  const double floor_s = weights_s("Qwen3.6-27B-FP8:fp8", Strategy::kTensorParallel, 1);
  EXPECT_NEAR(floor_s, 49.3e-3, .1e-3);
  EXPECT_NEAR((123.5e-3 - floor_s) / 129, 575e-6, 2e-6);
  EXPECT_NEAR((123.5e-3 - floor_s / .75) / 129, 448e-6, 2e-6);
}

/// 512 tokens in one chunk: 129 messages of 5.24 MB; 577 ms of them are 1.17 GB/s, 10 GbE's rate.
TEST(Ceilings, TheImpliedPrefillWireOfTheQwenArticle) {
  const auto model = find_model("Qwen3.6-27B-FP8:fp8");
  const auto messages = tensor_parallel_messages(model, 2, StepTokens{512, 1});
  EXPECT_EQ(messages[0].bytes, 5'242'880U);
  EXPECT_EQ(messages[0].count + messages[1].count, 129U);
  const auto machine = find_machine("dgx-spark");
  auto fabric = fabric_of(5'242'880, 5'242'880 / 1.1725e9);
  fabric.all_gather = Curve({{1, 1e-9, {1e-9, 1e-9}}});
  const auto prefill = price_prefill(model, machine, fabric, {Strategy::kTensorParallel, 2}, 2,
                                     {1, 512, 8192}, corners_of(machine, {1, 1, 1}));
  EXPECT_NEAR(prefill.parts.wire_s, 577e-3, 1.5e-3);
}

/// "64.0 GB/2/1597 GB/s": Qwen3-32B in bf16 on the simulator's two GPUs.
TEST(Ceilings, TheSimulatorsFloor) {
  auto machine = find_machine("dgx-spark");
  machine.memory_bytes_per_s = 1597e9;
  // Its ring: 2(N-1) steps of 20,000 ns and S/N bytes at 16 GiB/s.
  const double ring_s = 2 * (20'000e-9 + 10'240 / 2.0 / (16.0 * (1 << 30)));
  EXPECT_NEAR(ring_s, 40.6e-6, .05e-6);
  const auto step = parts(find_model("Qwen3-32B"), machine, Strategy::kTensorParallel, 1,
                          fabric_of(10'240, ring_s));
  EXPECT_NEAR(step.weights_s, 20.0e-3, .05e-3);
  const auto layers = tensor_parallel_messages(find_model("Qwen3-32B"), 2, 1)[1];
  EXPECT_EQ(layers.count, 128U);
  EXPECT_NEAR(ring_s * static_cast<double>(layers.count), 5.20e-3, .01e-3);
  EXPECT_GE(step.total(), 25e-3);  // the published row says 1.307 ms
}

TEST(Ceilings, CoverageOfGptOssExperts) {
  const auto model = find_model("gpt-oss-120b");
  EXPECT_NEAR(model.coverage(32, 1), .638, .0005);
  EXPECT_NEAR(model.coverage(128, 1), .983, .0005);
}

TEST(Ceilings, GptOssAtBatch128) {
  const double apart_s = weights_s("gpt-oss-120b", Strategy::kReplicas, 128);
  EXPECT_NEAR(128 / apart_s, 624, 6);
  EXPECT_NEAR(554.69 * apart_s / 128, .89, .01);  // the review's pipeline is plausible
  const double tensor_s = weights_s("gpt-oss-120b", Strategy::kTensorParallel, 128);
  EXPECT_NEAR(tensor_s, 115e-3, 1e-3);
  EXPECT_NEAR(128 / tensor_s, 1110, 11);
  // 507.9 ms against 230.8 would be 3.80 ms for each of 73 messages of 737 KB.
  const auto messages = tensor_parallel_messages(find_model("gpt-oss-120b"), 2, 128);
  EXPECT_EQ(messages[0].bytes, 737'280U);
  const auto count = static_cast<double>(messages[0].count + messages[1].count);
  EXPECT_NEAR((128 / 252.01 - 128 / 554.69) / count, 3.80e-3, .005e-3);
  EXPECT_NEAR((128 / 252.01 - tensor_s) / count, 5.38e-3, .03e-3);
}

/// Llama-3.1-8B at batch 128: how long an all-reduce of 1.05 MB may take before tensor parallelism
/// is no faster than copies, and than one machine (efficiency .8, 1024 tokens of context).
TEST(Ceilings, Llama8BAtBatch128) {
  const auto model = find_model("Llama-3.1-8B");
  const auto machine = find_machine("dgx-spark");
  const auto fabric = fabric_of(1'048'576, 1e-9);
  const auto limit_s = [&](Strategy rival, double efficiency) {
    const auto plans = plan_strategies(model, machine, fabric, {128, 1024, 2});
    const auto total = [&](Strategy strategy) {
      return std::ranges::find(plans, strategy, &Plan::strategy)
          ->parts(model, machine, {.efficiency = efficiency, .fixed_s = 0})
          .total();
    };
    return (total(rival) - total(Strategy::kTensorParallel)) / 65;
  };
  EXPECT_NEAR(limit_s(Strategy::kReplicas, 1), .42e-3, .01e-3);
  EXPECT_NEAR(limit_s(Strategy::kReplicas, .8), .53e-3, .01e-3);
  EXPECT_NEAR(limit_s(Strategy::kSingle, .8), 1.1e-3, .05e-3);
}

TEST(Ceilings, WhatFitsIn128GB) {
  EXPECT_NEAR(find_model("gpt-oss-120b").resident_bytes() / 1e9, 65, 1);
  EXPECT_TRUE(fits("gpt-oss-120b", Strategy::kSingle, 128));
  EXPECT_TRUE(fits("Llama-3.3-70B:fp8", Strategy::kSingle, 128));
  EXPECT_FALSE(fits("Llama-3.3-70B:bf16", Strategy::kSingle, 128));
  EXPECT_FALSE(fits("MiniMax-M2.7:nvfp4", Strategy::kSingle, 128));
  EXPECT_TRUE(fits("MiniMax-M2.7:nvfp4", Strategy::kTensorParallel, 128));
  EXPECT_FALSE(fits("DeepSeek-V3", Strategy::kTensorParallel, 128));
}

}  // namespace
}  // namespace wiretax
