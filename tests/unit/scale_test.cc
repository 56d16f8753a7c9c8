#include "report/scale.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "report/fabric.h"
#include "report/units.h"
#include "run_report.h"

namespace wiretax {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using Json = nlohmann::json;
using enum ReduceAlgorithm;

constexpr double kLatency = 10e-6;
constexpr double kBandwidth = 10e9;

/// One way over a link that is a line.
double line_s(double bytes) { return kLatency + bytes / kBandwidth; }

/// A curve so dense that the line is on it.
Curve dense_line() {
  std::vector<CurvePoint> points;
  for (std::uint64_t bytes = 1; bytes < kGibibyte;
       bytes += std::max<std::uint64_t>(1, bytes / 16)) {
    const double time_s = line_s(real(bytes));
    points.push_back({bytes, time_s, {time_s, time_s}});
  }
  return Curve(points);
}

Json step_row(const std::string& operation, std::uint64_t ranks, std::uint64_t bytes,
              double time_us) {
  return {{"name", fmt::format("{}/backend:nccl/timing:chained/bytes:{}", operation, bytes)},
          {"real_time", time_us},
          {"time_unit", "us"},
          {"bytes", bytes},
          {"ranks", ranks},
          {"label", "valid"}};
}

ResultFile scale_file(const std::vector<Json>& rows, const std::string& fabric = "nccl") {
  const Json json = {{"context",
                      {{"wiretax_schema", 1},
                       {"wiretax_status", "complete"},
                       {"wiretax_fabric", fabric},
                       {"wiretax_fabric_kind", "engine"}}},
                     {"benchmarks", rows}};
  return parse_result_file(json.dump(), "r.json");
}

MeasuredSteps steps_of(const std::vector<Json>& rows) {
  const auto file = scale_file(rows);
  return measured_steps({&file, 1}, "");
}

MeasuredSteps published_steps() {
  const auto file = find_profile("dgx-spark-roce");
  return measured_steps({&file, 1}, "");
}

TEST(ScaleFormula, AreTheTextbooksOnALine) {
  const auto pair = dense_line();
  const double alpha = kLatency;
  for (const double bytes : {65536.0, 1048576.0, 33554432.0}) {
    const double all = bytes / kBandwidth;
    const auto near = [&](ReduceAlgorithm algorithm, std::uint64_t ranks, double expected) {
      EXPECT_NEAR(formula_s(algorithm, ranks, bytes, pair) / expected, 1, .005)
          << static_cast<int>(algorithm) << " " << ranks << " " << bytes;
    };
    near(kRing, 8, 14 * alpha + 2 * 7 / 8. * all);
    near(kTree, 8, 6 * (alpha + all));
    near(kDoubleTree, 8, 6 * alpha + 2 * 7 / 8. * all);
    near(kRecursiveDoubling, 8, 3 * (alpha + all));
    near(kHalvingDoubling, 8, 6 * alpha + 2 * 7 / 8. * all);
    near(kRecursiveDoubling, 6, 4 * (alpha + all));  // two more steps than for 4
    near(kHalvingDoubling, 6, 4 * alpha + 2 * 3 / 4. * all + 2 * (alpha + all));
    near(kTree, 6, 6 * (alpha + all));
  }
}

TEST(ScaleFormula, OfTwoRanksMovesNoMoreThanTheRing) {
  const auto pair = dense_line();
  for (const auto algorithm : {kDoubleTree, kHalvingDoubling}) {
    EXPECT_NEAR(formula_s(algorithm, 2, 1e6, pair), formula_s(kRing, 2, 1e6, pair), 1e-12);
  }
}

TEST(Scale, AgreesWithWhatWasMeasured) {
  const auto steps = published_steps();
  EXPECT_EQ(steps.most_ranks(), 2U);
  for (const auto& facts : reduce_algorithms()) {
    for (const auto& point : steps.all_reduce.at(2).points()) {
      const auto carried = carried_s(steps, facts.algorithm, 2, real(point.bytes));
      EXPECT_NEAR(carried.time_s / point.time_s, 1, 1e-9) << facts.name << point.bytes;
    }
  }
}

TEST(Scale, ByHandFromThePublishedPair) {
  const auto steps = published_steps();
  // 28 us at 8 KiB: a step of the ring takes 14, and no step is faster than the smallest measured.
  EXPECT_NEAR(carried_s(steps, kRing, 4, 8192).time_s, 3 * 28e-6, 1e-12);
  EXPECT_NEAR(carried_s(steps, kRing, 4096, 8192).time_s, 4095 * 28e-6, 1e-9);
  EXPECT_NEAR(carried_s(steps, kRecursiveDoubling, 4096, 8192).time_s, 12 * 28e-6, 1e-9);
  // 39 us at 32 KiB: four ranks' ring has steps of 8 KiB, half of the 31 us of 16 KiB.
  EXPECT_NEAR(carried_s(steps, kRing, 4, 32768).time_s, 6 * 31e-6 / 2, 1e-12);
}

TEST(Scale, NothingIsBelowWhatTheWireAllows) {
  const auto steps = published_steps();
  for (std::uint64_t ranks = 2; ranks <= 4096; ranks += ranks < 70 ? 1 : 97) {
    for (const std::uint64_t bytes :
         {std::uint64_t{2}, 8 * kKibibyte, kMebibyte, 64 * kMebibyte, 64 * kGibibyte}) {
      const auto at = scale_row(steps, ranks, bytes, 0);
      const double sent = 2 * (real(ranks) - 1) / real(ranks) * real(bytes);
      EXPECT_GE(at.least_s, sent / steps.bytes_per_s);
      EXPECT_GE(at.least_s, std::ceil(std::log2(ranks)) * 14e-6 * (1 - 1e-9));
      for (const auto& time : at.times) EXPECT_GE(time.time_s, at.least_s);
    }
  }
}

TEST(Scale, AFormulaBelowTheBoundIsRaisedAndMarked) {
  // 4 ranks were measured far faster than a pair allows.
  const auto steps =
      steps_of({step_row("send_recv", 2, 1024, 10), step_row("send_recv", 2, 1048576, 100),
                step_row("all_reduce", 4, 1024, 15), step_row("all_reduce", 4, 1048576, 20)});
  const auto carried = carried_s(steps, kRecursiveDoubling, 8, 1024);
  EXPECT_TRUE(carried.at_bound);
  EXPECT_NEAR(carried.time_s, 30e-6, 1e-12);
}

TEST(Scale, SendRecvIsThePairWhereItWasMeasured) {
  const auto steps =
      steps_of({step_row("send_recv", 2, 1024, 10), step_row("send_recv", 2, 1048576, 100)});
  EXPECT_THAT(steps.pair_from, HasSubstr("send_recv"));
  EXPECT_EQ(steps.most_ranks(), 0U);
  EXPECT_NEAR(carried_s(steps, kRing, 4, 4096).time_s, 6 * 10e-6, 1e-12);
}

TEST(Scale, CurvesOfFewRanksShowHowFarFormulasAreOff) {
  const auto steps =
      steps_of({step_row("all_reduce", 2, 1024, 20), step_row("all_reduce", 2, 4096, 20),
                step_row("all_reduce", 3, 1024, 50), step_row("all_reduce", 4, 1024, 60)});
  EXPECT_EQ(steps.most_ranks(), 4U);
  const auto misses = scale_misses(steps);
  ASSERT_EQ(misses.size(), 2 * reduce_algorithms().size());
  const auto of = [&](std::uint64_t ranks, ReduceAlgorithm algorithm) {
    for (const auto& miss : misses) {
      if (miss.ranks == ranks && miss.algorithm == algorithm) return miss.carried_s;
    }
    return 0.;
  };
  EXPECT_NEAR(of(2, kRing), 20e-6, 1e-12);  // 60 us for six steps is 20 for two
  EXPECT_NEAR(of(3, kRing), 40e-6, 1e-12);
  EXPECT_NEAR(of(2, kRecursiveDoubling), 30e-6, 1e-12);
}

TEST(Scale, TheLinksBoundIsTakenWhereItIsTold) {
  auto bounded = step_row("all_reduce", 2, 1024, 20);
  bounded["bound_Gbps"] = 100;
  EXPECT_DOUBLE_EQ(steps_of({bounded}).bytes_per_s, 12.5e9);
  EXPECT_NEAR(published_steps().bytes_per_s, 22.16e9, 1e7);
}

TEST(Scale, NobodyCanTellWithinOnePercent) {
  ScaleRow row;
  for (const double time_s : {1.02, 1.005, 1.0}) row.times.push_back({time_s, false});
  row.fastest = 2;
  EXPECT_THAT(fastest_names(row),
              ElementsAre(reduce_algorithms()[1].name, reduce_algorithms()[2].name));
}

TEST(ScaleErrors, WithoutAPairThereIsNothingToBuildOn) {
  EXPECT_THROW(steps_of({step_row("all_reduce", 4, 1024, 20)}), InputError);
  EXPECT_THROW(steps_of({step_row("tcp_bandwidth", 2, 1024, 20)}), InputError);
  const std::vector files = {scale_file({step_row("all_reduce", 2, 1024, 20)}, "a"),
                             scale_file({step_row("all_reduce", 2, 1024, 20)}, "b")};
  EXPECT_THROW(measured_steps(files, ""), std::invalid_argument);
  EXPECT_THROW(measured_steps(files, "c"), std::invalid_argument);
  EXPECT_EQ(measured_steps(files, "b").fabric, "b");
}

TEST(ScaleCli, SaysFirstThatItIsExtrapolated) {
  const auto result = run("scale --published dgx-spark-roce --bytes 8Ki --ranks 4,4096");
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(
      result.output,
      AllOf(StartsWith("Extrapolated, on paper: all_reduce was measured with 2 ranks over "
                       "'dgx-spark-roce'; an all_reduce of 8 KiB over 4096 ranks would take 340 us "
                       "(tree, double tree, doubling, halving), and at least 170 us.\n"),
            HasSubstr("2(N-1) p(S/N)"), HasSubstr("Thakur, Rabenseifner and Gropp 2005"),
            HasSubstr("How far they are off is not known")));
}

TEST(ScaleCli, ColumnsThatScalingMakesOneAreNamed) {
  const auto scaled = run("scale --published dgx-spark-roce --bytes 1Mi --ranks 2,4,6,8").output;
  EXPECT_THAT(scaled, HasSubstr("Of 4 rows so the same: tree and doubling in 2 of them.\n"));
}

TEST(ScaleCli, AModelsStepIsCounted) {
  const auto result =
      run("scale --published dgx-spark-roce --model Qwen3-32B --batch 1 --ranks 4 --json");
  const auto json = Json::parse(result.output);
  ASSERT_EQ(json["rows"].size(), 1U);
  EXPECT_EQ(json["rows"][0]["bytes"], 10240);
  EXPECT_EQ(json["rows"][0]["count_in_a_step"], 129);
  EXPECT_EQ(json["rows"][0]["extrapolated"], true);
  EXPECT_EQ(json["rows"][0]["fastest_within_1_percent"][0], json["rows"][0]["fastest"]);
  EXPECT_EQ(json["formulas"].size(), 5U);
}

TEST(ScaleCli, WrongUsageIsCodeTwo) {
  for (const std::string arguments :
       {"", "--published nope", "--published dgx-spark-roce --ranks 4097",
        "--published dgx-spark-roce --ranks 1", "--published dgx-spark-roce --ranks x",
        "--published dgx-spark-roce --bytes x", "--published dgx-spark-roce --fabric x",
        "--published dgx-spark-roce --bytes 8 --model Qwen3-32B",
        "--published dgx-spark-roce --model nope"}) {
    const auto result = run("scale " + arguments);
    EXPECT_EQ(result.code, 2) << arguments << result.output;
    EXPECT_THAT(result.output, StartsWith("error: "));
  }
}

}  // namespace
}  // namespace wiretax
