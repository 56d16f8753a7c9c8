#include "report/derivation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <regex>

#include "report/catalogue.h"

namespace wiretax {
namespace {

using testing::Contains;
using testing::HasSubstr;

constexpr double kSixFigures = 1e-5;

/// One row of a derivation, redone from what it prints.
struct Case {
  const char* model;
  Workload workload;
};

void PrintTo(const Case& row, std::ostream* out) { *out << row.model << ' ' << row.workload.batch; }

class Redone : public testing::TestWithParam<Case> {
 protected:
  Model model_ = find_model(GetParam().model);
  Machine machine_ = find_machine("dgx-spark");
  Fabric fabric_ = published();

  static Fabric published() {
    const std::vector<ResultFile> profile = {find_profile("dgx-spark-roce")};
    return fabrics_of(profile, 2).usable.front();
  }

  std::vector<std::string> lines(const Plan& plan) {
    return derivation(model_, machine_, fabric_, GetParam().workload, plan, {});
  }

  std::vector<Plan> plans() {
    return plan_strategies(model_, machine_, fabric_, GetParam().workload);
  }
};

/// The groups of the expression as numbers; empty where it does not match.
std::vector<double> numbers(const std::string& line, const char* expression) {
  std::smatch match;
  if (!std::regex_search(line, match, std::regex(expression))) return {};
  std::vector<double> values;
  for (std::size_t i = 1; i < match.size(); ++i) values.push_back(std::stod(match[i]));
  return values;
}

void expect_close(double value, double printed, const std::string& line) {
  EXPECT_NEAR(value, printed, std::abs(printed) * kSixFigures + 1e-9) << line;
}

TEST_P(Redone, TheTimesAddUpToTheStepOfTheRow) {
  for (const auto& plan : plans()) {
    double sum_ms = 0;
    double step_ms = 0;
    for (const auto& line : lines(plan)) {
      if (const auto step = numbers(line, "^  step: (.+) ms$"); !step.empty()) step_ms = step[0];
      if (const auto term = numbers(line, "^  [^ ].* = ([^ ]+) ms$"); !term.empty()) {
        sum_ms += term[0];
      }
    }
    expect_close(sum_ms, step_ms, plan.name);
    expect_close(plan.parts(model_, machine_, {}).total() * 1e3, step_ms, plan.name);
  }
}

TEST_P(Redone, ThePartsAddUpToTheBytesAndTheirTime) {
  for (const auto& plan : plans()) {
    double gigabytes = 0;
    int found = 0;
    for (const auto& line : lines(plan)) {
      const auto part = numbers(line,
                                "^    .*: ([0-9]+) parameters x ([^ ]+) bits x ([^ ]+) here.* x "
                                "([^ ]+) passes = ([^ ]+) GB$");
      const auto cover = numbers(line, "here x ([^ ]+) of the experts");
      if (!part.empty()) {
        const double covered = cover.empty() ? 1 : cover[0];
        expect_close(part[0] * part[1] / 8 * part[2] * part[3] * covered / 1e9, part[4], line);
        gigabytes += part[4];
      }
      const auto all = numbers(line, "weights: (.+) GB / .(.+) GB/s x (.+). = (.+) ms");
      if (all.empty()) continue;
      ++found;
      expect_close(gigabytes, all[0], line);
      expect_close(all[0] / (all[1] * all[2]) * 1e3, all[3], line);
    }
    EXPECT_EQ(found, 1) << plan.name;
  }
}

TEST_P(Redone, ExpertsAreCoveredAsTheFormulaSays) {
  for (const auto& plan : plans()) {
    for (const auto& line : lines(plan)) {
      const auto cover = numbers(line,
                                 "x ([^ ]+) of the experts .1 - .1 - ([0-9]+)/([0-9]+)..(?:.1) [+] "
                                 "([^ ]+) x .([^ ]+) - 1");
      if (cover.empty()) continue;
      const double missed = 1 - cover[1] / cover[2];
      expect_close(1 - std::pow(missed, 1 + cover[3] * (cover[4] - 1)), cover[0], line);
    }
  }
}

TEST_P(Redone, EveryMessageFollowsFromTheMeasuredPointsNamed) {
  int messages = 0;
  for (const auto& plan : plans()) {
    for (const auto& line : lines(plan)) {
      const auto total = numbers(line, "^  ([0-9]+) x .* = (.+) us each = (.+) ms$");
      if (total.empty()) continue;
      ++messages;
      expect_close(total[0] * total[1] / 1e3, total[2], line);
      const auto points =
          numbers(line,
                  " at ([0-9]+) B log-log between ([0-9]+) B in (.+) us and ([0-9]+) B in "
                  "([^ ,]+) us");
      if (points.empty()) continue;
      const double share = std::log(points[0] / points[1]) / std::log(points[3] / points[1]);
      const auto factor = numbers(line, ", x ([^ ]+) = ");
      const double time_us = points[2] * std::pow(points[4] / points[2], share);
      expect_close(time_us * (factor.empty() ? 1 : factor[0]), total[1], line);
    }
  }
  EXPECT_GE(messages, 3);
}

INSTANTIATE_TEST_SUITE_P(Rows, Redone,
                         testing::Values(Case{"Qwen3.6-27B-FP8", {1, 1024, 2}},
                                         Case{"Qwen3.6-27B-FP8", {8, 1024, 2, 3, 1.9}},
                                         Case{"gpt-oss-120b", {1, 1024, 2}},
                                         Case{
                                             "gpt-oss-120b",
                                             {128,
                                              4096,
                                              2,
                                              0,
                                              0,
                                              {Strategy::kExpertParallel, Strategy::kExpertAllToAll,
                                               Strategy::kSequenceParallel}}},
                                         Case{"Llama-3.1-8B", {512, 1024, 2}}));

TEST(Derivation, NamesWhatItIsOf) {
  const std::vector<ResultFile> profile = {find_profile("dgx-spark-roce")};
  const auto fabric = fabrics_of(profile, 2).usable.front();
  const auto model = find_model("Qwen3.6-27B-FP8");
  const auto machine = find_machine("dgx-spark");
  const Workload workload = {1, 1024, 2};
  const auto plans = plan_strategies(model, machine, fabric, workload);
  const auto lines = derivation(model, machine, fabric, workload, plans[1], {});
  EXPECT_THAT(lines.front(), HasSubstr("Qwen3.6-27B-FP8 (fp8), batch 1, 1024 tokens of context, "
                                       "tp2 on dgx-spark-roce"));
  // 128 of a layer's 10 KiB: between the published 28 and 31 us.
  EXPECT_THAT(lines, Contains(HasSubstr("128 x all_reduce of 10240 B")));
  EXPECT_THAT(lines, Contains(HasSubstr("between 8192 B in 28 us and 16384 B in 31 us")));
}

}  // namespace
}  // namespace wiretax
