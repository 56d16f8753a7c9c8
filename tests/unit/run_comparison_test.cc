#include "report/compare/run_comparison.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

namespace wiretax {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Json = nlohmann::json;
using Rows = std::vector<Json>;

/// half_width: of the interval, as a share.
Json timed_row(int bytes, double time_us, double half_width = .01) {
  return {
      {"name", fmt::format("all_reduce/backend:nccl/launch:graph/timing:chained/bytes:{}", bytes)},
      {"real_time", time_us},
      {"time_unit", "us"},
      {"bytes", bytes},
      {"mean_lo_us", time_us * (1 - half_width)},
      {"mean_hi_us", time_us * (1 + half_width)},
      {"label", "valid"}};
}

Json broken_row(int bytes) {
  return {{"name", timed_row(bytes, 1)["name"]},
          {"error_occurred", true},
          {"error_message", "invalid: wrong data"}};
}

ResultFile run_file(const Rows& rows, const Json& context = Json::object(),
                    const std::string& name = "r.json") {
  Json all = {{"wiretax_schema", 1}, {"wiretax_status", "complete"}, {"wiretax_fabric", "nccl"}};
  all.update(context);
  return parse_result_file(Json{{"context", all}, {"benchmarks", rows}}.dump(), name);
}

RunComparison compare_files(const ResultFile& a, const ResultFile& b,
                            const CompareRequest& request = {}) {
  return compare_runs({&a, 1}, {&b, 1}, request);
}

RunComparison compare_rows(const Rows& a, const Rows& b, const CompareRequest& request = {}) {
  return compare_files(run_file(a), run_file(b), request);
}

Change change_of(double factor, double half_width = .01, double threshold = .05) {
  const auto comparison =
      compare_rows({timed_row(8192, 100, half_width)}, {timed_row(8192, 100 * factor, half_width)},
                   {.threshold = threshold, .changed = {}});
  return comparison.points.at(0).change;
}

TEST(RunComparison, AVerdictIsCertainOrAmbiguous) {
  EXPECT_EQ(change_of(1), Change::kSame);
  EXPECT_EQ(change_of(1.03), Change::kSame);
  EXPECT_EQ(change_of(1.06), Change::kAmbiguous);  // beyond, but its interval begins within
  EXPECT_EQ(change_of(1.08), Change::kSlower);
  EXPECT_EQ(change_of(.9), Change::kFaster);
  EXPECT_EQ(change_of(1, .2), Change::kAmbiguous);  // too wide to be called the same
  EXPECT_EQ(change_of(1.08, .01, .1), Change::kSame);
  EXPECT_EQ(change_of(1.03, .01, 0), Change::kSlower);
}

TEST(RunComparison, TheRatioAndItsIntervalAreOfTimes) {
  const auto point = compare_rows({timed_row(8192, 100)}, {timed_row(8192, 140)}).points.at(0);
  EXPECT_DOUBLE_EQ(point.ratio, 1.4);
  EXPECT_NEAR(point.interval.low, 1.4 * (1 - .01 * std::sqrt(2)), .0005);
  EXPECT_NEAR(point.interval.high, 1.4 * (1 + .01 * std::sqrt(2)), .0005);
}

TEST(RunComparison, BeyondOnlyInTheMiddleIsSaid) {
  const auto comparison = compare_rows({timed_row(8192, 100)}, {timed_row(8192, 106)});
  EXPECT_TRUE(comparison.points.at(0).beyond_in_middle);
  EXPECT_EQ(comparison.count(Change::kSlower), 0U);
  EXPECT_FALSE(
      compare_rows({timed_row(8192, 100)}, {timed_row(8192, 140)}).points.at(0).beyond_in_middle);
}

TEST(RunComparison, WithoutIntervalsNothingIsCertain) {
  auto bare = timed_row(8192, 200);
  bare.erase("mean_lo_us");
  bare.erase("mean_hi_us");
  const auto comparison = compare_rows({timed_row(8192, 100)}, {bare});
  EXPECT_EQ(comparison.points.at(0).change, Change::kAmbiguous);
  EXPECT_THAT(comparison.points.at(0).reasons, ElementsAre("B has no interval"));
  EXPECT_EQ(comparison.without_intervals(), 1U);
  EXPECT_THAT(comparison.doubt(), HasSubstr("nothing is certain; a folder of several starts"));
}

TEST(RunComparison, SuspectPointsAreJudgedAndTheirDoubtIsSaid) {
  auto doubtful = timed_row(8192, 200);
  doubtful["label"] = "suspect: retransmissions";
  const auto point = compare_rows({timed_row(8192, 100)}, {doubtful}).points.at(0);
  EXPECT_EQ(point.change, Change::kSlower);
  EXPECT_THAT(point.reasons, ElementsAre("B is suspect: retransmissions"));
}

TEST(RunComparison, PointsOfOneRunAloneAreListed) {
  const auto comparison =
      compare_rows({timed_row(1, 10), timed_row(2, 10)}, {timed_row(2, 10), timed_row(3, 10)});
  ASSERT_EQ(comparison.only_a.size(), 1U);
  EXPECT_THAT(comparison.only_a[0].name, HasSubstr("bytes:1"));
  ASSERT_EQ(comparison.only_b.size(), 1U);
  EXPECT_THAT(comparison.only_b[0].name, HasSubstr("bytes:3"));
  EXPECT_THAT(comparison.doubt(), IsEmpty());
}

TEST(RunComparison, APointThatBrokeIsNoPointThatIsTheSame) {
  const auto comparison =
      compare_rows({timed_row(1, 10), timed_row(2, 10)}, {timed_row(1, 10), broken_row(2)});
  EXPECT_EQ(comparison.points.size(), 1U);
  ASSERT_EQ(comparison.broken_b.size(), 1U);
  EXPECT_EQ(comparison.broken_b[0].reason, "invalid: wrong data");
  EXPECT_EQ(comparison.newly_broken, 1U);
  EXPECT_THAT(comparison.doubt(), HasSubstr("could not measure: 1"));
  const auto mended =
      compare_rows({broken_row(2), timed_row(1, 10)}, {timed_row(2, 10), timed_row(1, 10)});
  EXPECT_EQ(mended.newly_broken, 0U);
  EXPECT_EQ(mended.broken_a.size(), 1U);
}

TEST(RunComparison, AFileThatIsNotCompleteIsADoubt) {
  const auto comparison =
      compare_files(run_file({timed_row(1, 10)}),
                    run_file({timed_row(1, 10)}, {{"wiretax_status", "running"}}, "b.json"));
  EXPECT_EQ(comparison.doubt(), "b.json is not complete: still running, or killed");
}

TEST(RunComparison, ARunWithItselfIsADoubt) {
  const auto at = [](const char* date) {
    return run_file({timed_row(8192, 100)}, {{"date", date}});
  };
  const auto noon = at("2026-11-28T12:00:00+00:00");
  EXPECT_THAT(compare_files(noon, noon).doubt(), HasSubstr("the same measurements"));
  EXPECT_EQ(compare_files(noon, at("2026-11-28T13:00:00+00:00")).doubt(), "");
  const auto other = run_file({timed_row(8192, 100.1)}, {{"date", "2026-11-28T12:00:00+00:00"}});
  EXPECT_EQ(compare_files(noon, other).doubt(), "");
}

TEST(RunComparison, NothingInCommonIsADoubt) {
  EXPECT_EQ(compare_rows({timed_row(1, 10)}, {timed_row(2, 10)}).doubt(),
            "no point was measured in both");
}

/// The one point of two runs whose contexts differ.
ComparedPoint under(const Json& a, const Json& b, const CompareRequest& request = {}) {
  return compare_files(run_file({timed_row(1, 10)}, a), run_file({timed_row(1, 20)}, b), request)
      .points.at(0);
}

TEST(RunComparison, AnotherWayOfMeasuringIsNotComparable) {
  const Json gb10 = {{{"nccl", "2.28.9"}, {"gpu", "NVIDIA GB10"}}};
  const Json h100 = {{{"nccl", "2.28.9"}, {"gpu", "NVIDIA H100"}}};
  const std::map<std::string, std::pair<Json, Json>> contexts = {
      {"mtu: 9000 and 1500", {{{"mtu", 9000}}, {{"mtu", 1500}}}},
      {"transport: TCP and RDMA", {{{"transport", "TCP"}}, {{"transport", "RDMA"}}}},
      {"path: roce_both and tcp",
       {{{"wiretax_fabric_path", "roce_both"}}, {{"wiretax_fabric_path", "tcp"}}}},
      {"kind: engine and loopback",
       {{{"wiretax_fabric_kind", "engine"}}, {{"wiretax_fabric_kind", "loopback"}}}},
      {"fabric: nccl and mpi", {{{"wiretax_fabric", "nccl"}}, {{"wiretax_fabric", "mpi"}}}},
      {"transport: RDMA and SOCKET",
       {{{"wiretax_transport", {{"verdict", "RDMA"}}}},
        {{"wiretax_transport", {{"verdict", "SOCKET"}}}}}},
      {"ranks: 2 and 4", {{{"ranks", 2}}, {{"ranks", 4}}}},
      {"machines: 2 and 1", {{{"hosts", {"a", "b"}}}, {{"hosts", {"a", "a"}}}}},
      {"mtu: 9000 and 1500",
       {{{"interfaces", {"eth0 10.0.0.1/24 mtu 9000 100 Gb/s"}}},
        {{"interfaces", {"eth0 10.0.0.1/24 mtu 1500 100 Gb/s"}}}}},
      {"gpu: NVIDIA GB10 and NVIDIA H100", {{{"nccl", gb10}}, {{"nccl", h100}}}}};
  for (const auto& [text, pair] : contexts) {
    const auto point = under(pair.first, pair.second);
    EXPECT_EQ(point.change, Change::kNotComparable) << text;
    EXPECT_THAT(point.reasons, Contains(text));
    EXPECT_DOUBLE_EQ(point.ratio, 2);
  }
}

TEST(RunComparison, WhatIsThereToBeJudgedIsSaidAndCompared) {
  const Json a = {{"kernel", "6.11"},
                  {"hosts", {"a", "b"}},
                  {"cores", {"1", "2"}},
                  {"wiretax_version", "1"},
                  {"environment", {{"NCCL_PROTO", "LL"}}},
                  {"nccl", {{{"nccl", "2.28"}}, {{"nccl", "2.28"}}}},
                  {"date", "yesterday"},
                  {"seed", 1}};
  const Json b = {{"kernel", "6.14"},
                  {"hosts", {"c", "d"}},
                  {"cores", {"1", "7"}},
                  {"wiretax_version", "2"},
                  {"environment", Json::object()},
                  {"nccl", {{{"nccl", "2.29"}}, {{"nccl", "2.29"}}}},
                  {"date", "today"},
                  {"seed", 2}};
  const auto comparison =
      compare_files(run_file({timed_row(1, 10)}, a), run_file({timed_row(1, 20)}, b));
  EXPECT_EQ(comparison.points.at(0).change, Change::kSlower);
  std::vector<std::string> said;
  for (const auto& difference : comparison.differences) said.push_back(difference_text(difference));
  EXPECT_THAT(said, testing::UnorderedElementsAre("kernel: 6.11 and 6.14", "hosts: a, b and c, d",
                                                  "cores: 2 and 7", "version: 1 and 2",
                                                  "environment.NCCL_PROTO: LL and not told",
                                                  "nccl: 2.28 and 2.29"));
}

TEST(RunComparison, WhatOnlyOneFileTellsForbidsNothing) {
  EXPECT_EQ(under({{"mtu", 9000}}, Json::object()).change, Change::kSlower);
}

TEST(RunComparison, WhatWasChangedOnPurposeForbidsNothing) {
  const CompareRequest request = {.threshold = .05, .changed = {"mtu"}};
  EXPECT_EQ(under({{"mtu", 9000}}, {{"mtu", 1500}}, request).change, Change::kSlower);
  EXPECT_EQ(under({{"ranks", 2}}, {{"ranks", 4}}, request).change, Change::kNotComparable);
}

TEST(RunComparison, CountersOfTheRowForbidToo) {
  auto a = timed_row(1, 10);
  auto b = timed_row(1, 10);
  a["mtu"] = 4096;
  b["mtu"] = 1024;
  EXPECT_THAT(compare_rows({a}, {b}).points.at(0).reasons, ElementsAre("mtu: 4096 and 1024"));
}

TEST(RunComparison, NamesThatDifferInASettingBelongTogether) {
  auto eager = timed_row(1, 20);
  eager["name"] = "all_reduce/backend:nccl/launch:eager/timing:chained/bytes:1";
  const auto point = compare_rows({timed_row(1, 10)}, {eager}).points.at(0);
  EXPECT_EQ(point.change, Change::kNotComparable);
  EXPECT_THAT(point.reasons, ElementsAre("launch: graph and eager"));
  const auto meant =
      compare_rows({timed_row(1, 10)}, {eager}, {.threshold = .05, .changed = {"launch"}});
  EXPECT_EQ(meant.points.at(0).change, Change::kSlower);
  auto isolated = timed_row(1, 20);
  isolated["name"] = "all_reduce/backend:nccl/launch:graph/timing:isolated/bytes:1";
  EXPECT_THAT(compare_rows({timed_row(1, 10)}, {isolated}).points, IsEmpty());
}

TEST(RunComparison, FabricsOfAFolderAreToldApart) {
  const std::vector a = {run_file({timed_row(1, 10)}, {{"wiretax_fabric", "roce"}}),
                         run_file({timed_row(1, 100)}, {{"wiretax_fabric", "tcp"}})};
  const std::vector b = {run_file({timed_row(1, 101)}, {{"wiretax_fabric", "tcp"}}),
                         run_file({timed_row(1, 10)}, {{"wiretax_fabric", "roce"}})};
  const auto comparison = compare_runs(a, b, {});
  ASSERT_EQ(comparison.points.size(), 2U);
  EXPECT_EQ(comparison.count(Change::kSame), 2U);
}

TEST(RunComparison, SeveralStartsCountTogether) {
  const std::vector a = {run_file({timed_row(1, 10)}), run_file({timed_row(1, 12)})};
  const std::vector b = {run_file({timed_row(1, 11)}), run_file({timed_row(1, 13)})};
  const auto comparison = compare_runs(a, b, {});
  const auto& point = comparison.points.at(0);
  EXPECT_NEAR(point.a.mean, 11e-6, 1e-12);
  // t of one degree of freedom times the standard error: 12.7 log(1.2) / 2.
  EXPECT_NEAR(std::log(point.a.interval.high / 11e-6), 12.7062 * std::log(1.2) / 2, 1e-4);
  EXPECT_EQ(point.change, Change::kAmbiguous);  // 9 % is less than the starts differ
  EXPECT_EQ(comparison.repeated, 1U);
}

TEST(RunComparison, StartsAreNeverSurerThanTheirFiles) {
  const std::vector runs = {run_file({timed_row(1, 10, .05)}), run_file({timed_row(1, 10, .02)}),
                            run_file({timed_row(1, 10, .01)})};
  const auto point = compare_runs(runs, runs, {}).points.at(0);
  EXPECT_NEAR(point.a.interval.low, 9.5e-6, 1e-11);
  EXPECT_NEAR(point.a.interval.high, 10.5e-6, 1e-11);
}

/// A folder of several starts, whose times vary from start to start; half_width 0: no interval.
std::vector<ResultFile> starts_of(std::mt19937_64& generator, int starts, int points,
                                  double time_us, double deviation, double half_width) {
  std::normal_distribution<double> noise(1, deviation);
  std::vector<ResultFile> files;
  for (int start = 0; start < starts; ++start) {
    Rows rows;
    for (int i = 1; i <= points; ++i) {
      rows.push_back(timed_row(i, time_us * noise(generator), half_width));
      if (half_width > 0) continue;
      rows.back().erase("mean_lo_us");
      rows.back().erase("mean_hi_us");
    }
    files.push_back(run_file(rows));
  }
  return files;
}

TEST(RunComparison, FewStartsThatVaryAreNoRegression) {
  std::mt19937_64 generator(42);
  constexpr int kTrials = 5;
  int alarms = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    for (const auto& [deviation, half_width] : {std::pair{.05, .0}, {.1, .0}, {.05, .005}}) {
      for (const int starts : {2, 3}) {
        const auto a = starts_of(generator, starts, 100, 100, deviation, half_width);
        const auto b = starts_of(generator, starts, 100, 100, deviation, half_width);
        const auto comparison = compare_runs(a, b, {});
        alarms += comparison.count(Change::kSlower) + comparison.count(Change::kFaster) > 0 ? 1 : 0;
      }
    }
  }
  EXPECT_LE(alarms, kTrials * 6 * 9 / 100);
}

TEST(RunComparison, SeveralStartsShowWhatIsSlower) {
  std::mt19937_64 generator(7);
  const auto a = starts_of(generator, 5, 20, 100, .02, 0);
  const auto b = starts_of(generator, 5, 20, 200, .02, 0);
  EXPECT_EQ(compare_runs(a, b, {}).count(Change::kSlower), 20U);
}

/// `factor` is the truth; times are as uncertain as their intervals say.
RunComparison noisy(std::mt19937_64& generator, int points, double factor, double threshold) {
  constexpr double kHalfWidth = .04;
  std::normal_distribution<double> noise(1, kHalfWidth / 1.96);
  Rows a;
  Rows b;
  for (int i = 1; i <= points; ++i) {
    a.push_back(timed_row(i, 100 * noise(generator), kHalfWidth));
    b.push_back(timed_row(i, 100 * factor * noise(generator), kHalfWidth));
  }
  return compare_rows(a, b, {.threshold = threshold, .changed = {}});
}

TEST(RunComparison, HundredsOfPointsAreNotCalledSlowerByChance) {
  std::mt19937_64 generator(42);
  constexpr int kTrials = 50;
  constexpr int kPoints = 200;
  int alarms = 0;
  int alone = 0;  // points whose own 95 % interval excludes 1
  for (int trial = 0; trial < kTrials; ++trial) {
    const auto comparison = noisy(generator, kPoints, 1, 0);
    alarms += comparison.count(Change::kSlower) + comparison.count(Change::kFaster) > 0 ? 1 : 0;
    for (const auto& point : comparison.points) {
      alone += point.interval.low > 1 || point.interval.high < 1 ? 1 : 0;
    }
  }
  EXPECT_GT(alone, kTrials * kPoints * 4 / 100);  // which is nearly every run, by itself
  EXPECT_LE(alarms, kTrials * 9 / 100);
}

TEST(RunComparison, WhatMakesAllPointsSlowerIsFound) {
  std::mt19937_64 generator(7);
  const auto comparison = noisy(generator, 200, 1.2, .05);
  EXPECT_GT(comparison.count(Change::kSlower), 150U);
  EXPECT_EQ(comparison.count(Change::kFaster), 0U);
}

TEST(RunComparison, TenThousandPointsInReasonableTime) {
  Rows rows;
  for (int i = 1; i <= 10'000; ++i) rows.push_back(timed_row(i, 10));
  const auto a = run_file(rows);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(compare_files(a, a).count(Change::kSame), 10'000U);
  const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - begin;
  fmt::print("10,000 points compared in {:.0f} ms\n", spent.count());
}

}  // namespace
}  // namespace wiretax
