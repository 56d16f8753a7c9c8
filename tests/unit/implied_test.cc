// The arithmetic of notes/cost-model, section 4.

#include "report/explain/implied.h"

#include <gtest/gtest.h>

#include "report/catalogue.h"
#include "report/explain/line_rates.h"
#include "report/units.h"

namespace wiretax {
namespace {

constexpr double kSpark = 273e9;  // bytes/s

double qwen_read_s(double efficiency) {
  return find_model("Qwen3.6-27B-FP8").weight_bytes(1, 1) / (kSpark * efficiency);
}

TEST(Implied, QwenAt8TokensLeaves448To575Microseconds) {
  const Band rest{qwen_read_s(1) / 2, qwen_read_s(.8) / 2, qwen_read_s(.75) / 2};
  const auto wire = imply_wire(1 / 8.1, rest, 10'240, 129, 2);
  EXPECT_NEAR(wire.each_s.low, 448e-6, 1e-6);
  EXPECT_NEAR(wire.each_s.high, 575e-6, 1e-6);
}

TEST(Implied, TheWholeBoxGives269To552) {
  const Band rest{qwen_read_s(1) / 2 + .003, qwen_read_s(.8) / 2 + .005,
                  qwen_read_s(.61) / 2 + .008};
  const auto wire = imply_wire(1 / 8.1, rest, 10'240, 129, 2);
  EXPECT_NEAR(wire.each_s.low, 269e-6, 1e-6);
  EXPECT_NEAR(wire.each_s.high, 552e-6, 1e-6);
}

TEST(Implied, ItsPromptMovesAsOn10GbE) {
  const double alone_s = 512 / 931.0;
  const Band rest{alone_s * .5, alone_s * .55, alone_s * .6};
  const auto wire = imply_wire(512 / 601.0, rest, std::uint64_t{512} * 5120 * 2, 129, 2);
  EXPECT_NEAR(wire.each_s.high, 4.47e-3, 5e-6);
  const auto rate = wire.link_bytes_per_s();
  EXPECT_NEAR(rate.low / kGigabit, 9.38, .01);
  EXPECT_NEAR(rate.mid / kGigabit, 9.8, .1);
  EXPECT_NEAR(rate.high / kGigabit, 10.4, .05);
  EXPECT_EQ(nearest_line_rate(rate.low).line->name, "10 GbE");
}

TEST(Implied, MiniMaxLeaves464To545Microseconds) {
  const auto at = [](double read_bytes, double efficiency) {
    const double rest = read_bytes / 2 / (kSpark * efficiency);
    return imply_wire(1 / 12.4, {rest, rest, rest}, 6144, 125, 2).each_s.mid;
  };
  EXPECT_NEAR(at(10.5e9, .85), 464e-6, 5e-6);
  EXPECT_NEAR(at(6.9e9, 1), 545e-6, 5e-6);
}

TEST(Implied, TheReviewsTensorParallelismLeaves380Or538Milliseconds) {
  const auto at = [](double rest) {
    return imply_wire(128 / 252.01, {rest, rest, rest}, 737'280, 73, 2).each_s.mid;
  };
  EXPECT_NEAR(at(128 / 554.69), 3.80e-3, .01e-3);
  const double floor_s = find_model("gpt-oss-120b").weight_bytes(128, 1) / 2 / kSpark;
  EXPECT_NEAR(at(floor_s), 5.38e-3, .03e-3);
  EXPECT_NEAR(bus_bytes_per_s(737'280, 3.80e-3, 2) / kGigabyte, .194, .001);
}

TEST(Implied, LlamaBeatsAPipelineOnlyBelow420Microseconds) {
  const double gap = find_model("Llama-3.1-8B").weight_bytes(128, 1) / 2 / kSpark / 65;
  EXPECT_NEAR(gap, .42e-3, .005e-3);
  EXPECT_NEAR(gap / .8, .53e-3, .005e-3);
}

TEST(Implied, TheSimulatorsRuleIs40Microseconds) {
  const double each_s = ring_all_reduce_s(10'240, 2, 20e-6, 16 * real(kGibibyte));
  EXPECT_NEAR(each_s, 40.6e-6, .05e-6);
  EXPECT_NEAR(128 * each_s, 5.20e-3, .005e-3);
  EXPECT_NEAR(128 * 40e-6, 5.12e-3, 1e-9);
}

TEST(Implied, NegativeWhereTheRestAloneTakesLonger) {
  const auto wire = imply_wire(.1, {.05, .1, .2}, 1000, 10, 2);
  EXPECT_DOUBLE_EQ(wire.each_s.high, .005);
  EXPECT_DOUBLE_EQ(wire.each_s.mid, 0);
  EXPECT_LT(wire.each_s.low, 0);
}

TEST(Implied, SharingLeavesTheFixedCostWhole) {
  const auto rest = shared_rest(.110, {.002, .010, .010}, 4);
  EXPECT_DOUBLE_EQ(rest.mid, .010 + .025);
  EXPECT_DOUBLE_EQ(rest.low, .002 + .027);
}

TEST(LineRates, InsideARangeIsTheRange) {
  const auto stream = nearest_line_rate(30 * kGigabit);
  EXPECT_EQ(stream.line->kind, LinkKind::kTcp);
  EXPECT_DOUBLE_EQ(stream.factor, 1);
  EXPECT_EQ(nearest_line_rate(100 * kGigabit).line->kind, LinkKind::kRdma);
  EXPECT_EQ(nearest_line_rate(.5 * kGigabit).line->name, "1 GbE");
}

}  // namespace
}  // namespace wiretax
