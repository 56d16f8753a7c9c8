#include "report/calibrate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "report/prefill.h"
#include "report/record.h"
#include "report/strategies.h"
#include "report/units.h"

namespace wiretax {
namespace {

/// Of tests that do not tell their deviation, and the least of those that do: runs differ by more
/// than their repetitions.
constexpr double kAssumedError = .02;
constexpr double kLeastError = .005;
/// Chi-squared of one degree of freedom, 95 %.
constexpr double kWithin95 = 3.84;
/// Of the normal distribution, one side.
constexpr double kOneSided95 = 1.645;
/// An efficiency that only the end of the grid has.
constexpr double kEdge = .025;
constexpr double kLastDigits = 1 + 1e-9;
constexpr double kEfficiencyStep = .001;
constexpr double kGammaStep = .02;
constexpr double kLeastFixedS = 1e-6;
constexpr std::uint64_t kChunk = Prompts{}.chunk;

struct Test {
  const Observation* seen;
  double seen_s;
  double deviation_s;
  std::vector<double> memory_s;  // at the whole bandwidth, for each gamma
};

/// A point of the grid, with the fixed costs that the tests allow there.
struct Limits {
  double least_fixed_s = 0;
  double most_fixed_s = std::numeric_limits<double>::infinity();
};

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = 0;

  void add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

struct Best {
  double chi2 = std::numeric_limits<double>::infinity();
  double efficiency = 1;
  double fixed_s = 0;
  std::size_t gamma = 0;
};

struct Region {
  Best best;
  double least_chi2 = 0;  // of all that the limits allow
  Range efficiency;
  Range fixed_s;
  Range gamma;

  [[nodiscard]] Band efficiency_band() const {
    return {efficiency.low, best.efficiency, efficiency.high};
  }
  [[nodiscard]] Band fixed_band() const { return {fixed_s.low, best.fixed_s, fixed_s.high}; }
};

double error_share(const Observation& seen) {
  if (seen.error <= 0) return kAssumedError;
  return std::max(kLeastError, seen.error / seen.tokens_per_s);
}

/// Least squares of t = memory / efficiency + fixed over a grid of efficiency and gamma; the fixed
/// cost follows from the two.
class Grid {
 public:
  Grid(std::vector<Test> tests, std::vector<double> gammas)
      : tests_(std::move(tests)), gammas_(std::move(gammas)) {
    for (const auto& test : tests_) weight_ += 1 / (test.deviation_s * test.deviation_s);
  }

  [[nodiscard]] Region region(const Limits& limits) const {
    Region region;
    each([&](double efficiency, std::size_t gamma) {
      const auto [fixed, chi2] = fit(efficiency, gamma, limits);
      if (chi2 < region.best.chi2) region.best = {chi2, efficiency, fixed, gamma};
    });
    region.least_chi2 = region.best.chi2;
    const double most = most_chi2(region.least_chi2);
    each([&](double efficiency, std::size_t gamma) {
      const auto [fixed, chi2] = fit(efficiency, gamma, limits);
      if (chi2 > most) return;
      region.efficiency.add(efficiency);
      region.gamma.add(gammas_[gamma]);
      const auto [centre, least] = free_fit(efficiency, gamma);
      const double reach = std::sqrt(std::max(0.0, most - least) / weight_);
      region.fixed_s.add(std::clamp(centre - reach, limits.least_fixed_s, limits.most_fixed_s));
      region.fixed_s.add(std::clamp(centre + reach, limits.least_fixed_s, limits.most_fixed_s));
    });
    return region;
  }

  /// What goes best with an efficiency; nothing where no value is within `most` of chi-squared.
  [[nodiscard]] std::optional<FittingPair> pair_at(double efficiency, double most) const {
    std::optional<FittingPair> pair;
    for (std::size_t gamma = 0; gamma < gammas_.size(); ++gamma) {
      const auto [fixed_s, chi2] = fit(efficiency, gamma, {});
      if (chi2 > most) continue;
      most = chi2;
      pair = {efficiency, fixed_s, {}};
      if (gammas_.size() > 1) pair->gamma = gammas_[gamma];
    }
    return pair;
  }
  /// Up to here a fit is as good as the best, with 95 %.
  [[nodiscard]] double most_chi2(double least) const { return least + threshold(least); }
  /// The best that there is misses the tests by more than their errors explain, with 95 %: Wilson
  /// and Hilferty's approximation of chi-squared.
  [[nodiscard]] bool refutes(double least_chi2) const {
    const double part = 2 / (9 * degrees());
    return least_chi2 > degrees() * std::pow(1 - part + kOneSided95 * std::sqrt(part), 3);
  }
  [[nodiscard]] const std::vector<Test>& tests() const { return tests_; }
  [[nodiscard]] double gamma(std::size_t index) const { return gammas_[index]; }

 private:
  template <typename Visit>
  void each(const Visit& visit) const {
    for (int step = 20; step <= 1000; ++step) {
      for (std::size_t gamma = 0; gamma < gammas_.size(); ++gamma) {
        visit(step * kEfficiencyStep, gamma);
      }
    }
  }

  /// Tests beyond the parameters. As many parameters as tests do not always meet them: the fixed
  /// cost is not below 0.
  [[nodiscard]] double degrees() const {
    const double parameters = gammas_.size() > 1 ? 3 : 2;
    return std::max(1.0, static_cast<double>(tests_.size()) - parameters);
  }

  /// Where the fit is worse than its errors, those are too small.
  [[nodiscard]] double threshold(double chi2) const {
    return kWithin95 * std::max(1.0, chi2 / degrees());
  }

  /// Best fixed cost, of any sign, and its chi-squared.
  [[nodiscard]] std::pair<double, double> free_fit(double efficiency, std::size_t gamma) const {
    double sum = 0;
    for (const auto& test : tests_) {
      sum +=
          (test.seen_s - test.memory_s[gamma] / efficiency) / (test.deviation_s * test.deviation_s);
    }
    const double fixed = sum / weight_;
    return {fixed, chi2(efficiency, gamma, fixed)};
  }

  [[nodiscard]] std::pair<double, double> fit(double efficiency, std::size_t gamma,
                                              const Limits& limits) const {
    const double fixed =
        std::clamp(free_fit(efficiency, gamma).first, limits.least_fixed_s, limits.most_fixed_s);
    return {fixed, chi2(efficiency, gamma, fixed)};
  }

  [[nodiscard]] double chi2(double efficiency, std::size_t gamma, double fixed) const {
    double sum = 0;
    for (const auto& test : tests_) {
      const double off =
          (test.seen_s - test.memory_s[gamma] / efficiency - fixed) / test.deviation_s;
      sum += off * off;
    }
    return sum;
  }

  std::vector<Test> tests_;
  std::vector<double> gammas_;
  double weight_ = 0;
};

std::vector<double> gammas_of(const Claim& run) {
  const auto several = [](const Observation& seen) {
    return seen.phase == Phase::kDecode && seen.concurrency > 1;
  };
  const bool overlap = run.tokens_per_step > 1 || std::ranges::any_of(run.observed, several);
  if (!run.model.is_moe() || !overlap) return {1};
  std::vector<double> gammas;
  for (int step = 1; step <= 50; ++step) gammas.push_back(step * kGammaStep);
  return gammas;
}

/// Nothing where computing, not memory, may be the limit.
std::optional<Test> test_of(const Claim& run, const Observation& seen,
                            const std::vector<double>& gammas) {
  const auto fabric = silent_fabric(2);
  const Setting setting{run.model, run.machine, fabric,
                        decode_step(run.model, workload_of(run, seen))};
  const auto plan = plan_single(setting);
  const double seen_s = seen_seconds(run, seen);
  Test test{&seen, seen_s, seen_s * error_share(seen), {}};
  for (const double gamma : gammas) {
    Assumptions at;
    at.efficiency = 1;
    at.fixed_s = 0;
    at.gamma = gamma;
    const auto parts = plan.parts(run.model, run.machine, at);
    if (parts.compute_s > 0) return std::nullopt;
    test.memory_s.push_back(parts.weights_s + parts.kv_s);
  }
  return test;
}

void refuse_impossible(const Claim& run, const Test& test) {
  const double floor_s = std::ranges::min(test.memory_s);
  if (test.seen_s + 2 * test.deviation_s >= floor_s) return;
  throw InputError(fmt::format(
      "{}={}: {} on one {} gives at most {:.4g} tokens/s with {:.3g} token{} a step; it would need "
      "{:.3g} (--tokens-per-step, where tokens are drafted)",
      test.seen->name(), format_figures(test.seen->tokens_per_s), run.model.name, run.machine.name,
      test.seen->tokens_per_s * test.seen_s / floor_s, run.tokens_per_step,
      run.tokens_per_step == 1 ? "" : "s", run.tokens_per_step * floor_s / test.seen_s));
}

Grid grid_of(const Claim& run, Calibration& result) {
  const auto gammas = gammas_of(run);
  std::vector<Test> tests;
  for (const auto& seen : run.observed) {
    if (seen.phase != Phase::kDecode) continue;
    if (auto test = test_of(run, seen, gammas)) {
      refuse_impossible(run, *test);
      if (seen.error <= 0) result.assumed_error = kAssumedError;
      tests.push_back(std::move(*test));
    } else {
      result.notes.push_back(
          fmt::format("{} is left out: at that batch computing may be the limit", seen.name()));
    }
  }
  return {std::move(tests), gammas};
}

bool covers(const Range& range, const Band& assumed) {
  return range.low <= assumed.low && range.high >= assumed.high;
}

/// The line of pairs that the tests allow.
void list_pairs(const Grid& grid, const Region& free, Calibration& result) {
  constexpr int kSteps = 4;
  const double from = free.efficiency.low;
  const double step = (free.efficiency.high - from) / kSteps;
  for (int i = 0; i <= kSteps; ++i) {
    const double efficiency = from + i * step;
    const auto pair = grid.pair_at(efficiency, grid.most_chi2(free.least_chi2) * kLastDigits);
    if (pair) result.pairs.push_back(*pair);
  }
}

/// With the assumed fixed cost, where the tests do not tell it.
Region lean_on_assumption(const Grid& grid, const Claim& run, Calibration& result) {
  const auto& assumed = run.machine.fixed_s;
  auto region = grid.region({assumed.low, assumed.high});
  region.best = grid.region({assumed.mid, assumed.mid}).best;
  region.efficiency.add(region.best.efficiency);
  result.notes.push_back(fmt::format(
      "efficiency and fixed cost cannot be told apart: the tests allow every pair below. The fixed "
      "cost stays as assumed, {:.3g} to {:.3g} ms; more batches or contexts (@d16384) would tell",
      assumed.low / kMillisecond, assumed.high / kMillisecond));
  return region;
}

/// What speaks against the fit as a whole.
void doubt(const Grid& grid, const Region& region, Calibration& result) {
  double worst = 0;
  for (const auto& test : result.tests) {
    worst = std::max(worst, std::abs(test.fitted / test.seen - 1));
  }
  double error = 0;
  for (const auto& test : grid.tests()) error = std::max(error, test.deviation_s / test.seen_s);
  if (grid.refutes(region.least_chi2)) {
    result.refuted = fmt::format(
        "no efficiency and fixed cost meet these tests: they miss by up to {:.1f} %, and the "
        "tests' "
        "own errors are at most {:.1f} %",
        100 * worst, 100 * error);
  }
  if (region.best.efficiency < kEdge) {
    result.refuted = fmt::format(
        "the efficiency is at the edge of what is searched, {:.2f}: memory is not what limits this "
        "run",
        region.best.efficiency);
  }
}

void fit_decoding(const Claim& run, const Grid& grid, Calibration& result) {
  auto region = grid.region({});
  result.told_apart = grid.tests().size() > 1 && !covers(region.fixed_s, run.machine.fixed_s);
  if (!result.told_apart) {
    list_pairs(grid, region, result);
    region = lean_on_assumption(grid, run, result);
  }
  result.efficiency = region.efficiency_band();
  result.fixed_s = region.fixed_band();
  const auto assumed = gamma_of(run.machine);
  if (covers(region.gamma, {assumed.low, assumed.mid, assumed.high})) {
    if (run.model.is_moe()) {
      result.notes.push_back(
          "gamma (how little experts overlap) is not told: it takes several "
          "batches that differ much");
    }
  } else if (run.model.is_moe() && region.gamma.low < region.gamma.high) {
    result.gamma = Band{region.gamma.low, grid.gamma(region.best.gamma), region.gamma.high};
  }
  for (const auto& test : grid.tests()) {
    const double fitted_s =
        test.memory_s[region.best.gamma] / region.best.efficiency + region.best.fixed_s;
    result.tests.push_back({test.seen->name(), test.seen->tokens_per_s,
                            test.seen->tokens_per_s * test.seen_s / fitted_s});
  }
  doubt(grid, region, result);
}

/// FLOP/s at which the prompt takes that long; nothing where reading the weights takes longer.
std::optional<double> flops_of(const PrefillPlan& plan, Assumptions at, double seen_s) {
  constexpr int kHalvings = 100;
  at.prefill_flops_per_s = 0;
  if (plan.parts(at).total() >= seen_s) return std::nullopt;
  double low = 1e6;
  double high = 1e21;
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = std::sqrt(low * high);
    at.prefill_flops_per_s = middle;
    (plan.parts(at).total() > seen_s ? low : high) = middle;
  }
  // Computing that hides behind reading leaves no trace.
  at.prefill_flops_per_s = high * 2;
  if (plan.parts(at).total() >= seen_s * (1 - kLeastError)) return std::nullopt;
  return std::sqrt(low * high);
}

void fit_prompt(const Claim& run, const Observation& seen, Calibration& result) {
  const auto fabric = silent_fabric(2);
  const PrefillPlan plan(run.model, run.machine, fabric, {Strategy::kSingle, 1}, 1,
                         {seen.concurrency, seen.prompt, kChunk});
  const double seen_s = seen_seconds(run, seen);
  const double error = error_share(seen);
  const auto& fixed = result.fixed_s;
  const auto& efficiency = result.efficiency;
  const auto low = flops_of(plan, {efficiency.high, fixed.low, 1, 0, 0}, seen_s * (1 + error));
  const auto mid = flops_of(plan, {efficiency.mid, fixed.mid, 1, 0, 0}, seen_s);
  const auto high = flops_of(plan, {efficiency.low, fixed.high, 1, 0, 0}, seen_s * (1 - error));
  if (!low || !mid || !high) {
    result.notes.push_back(fmt::format(
        "{} tells no prefill rate: reading the weights takes most of its time", seen.name()));
    return;
  }
  auto& rate = result.prefill_flops_per_s;
  rate = rate ? Band{std::min(rate->low, *low), *mid, std::max(rate->high, *high)}
              : Band{*low, *mid, *high};
  if (seen.error <= 0) result.assumed_error = kAssumedError;
}

void add_sources(const Claim& run, Calibration& result) {
  auto& machine = result.machine;
  machine.name += ", calibrated";
  const auto source =
      fmt::format("fitted to {} tests of {} ({}){}", run.observed.size(), run.model.name,
                  run.model.quant.name, result.refuted.empty() ? "" : ", which refute it");
  if (result.decodes) {
    machine.efficiency = result.efficiency;
    machine.sources["efficiency"] = source;
    machine.fixed_s = result.fixed_s;
    machine.fixed_s.low = std::max(machine.fixed_s.low, kLeastFixedS);
    machine.fixed_s.mid = std::max(machine.fixed_s.mid, machine.fixed_s.low);
    machine.fixed_s.high = std::max(machine.fixed_s.high, machine.fixed_s.mid);
    if (result.told_apart) machine.sources["fixed_ms"] = source;
  }
  if (result.gamma) {
    machine.gamma = result.gamma;
    machine.sources["gamma"] = source + "; of that model's routing";
  }
  if (result.prefill_flops_per_s) {
    machine.prefill_flops_per_s = result.prefill_flops_per_s;
    machine.sources["prefill_tflops"] = source + "; attention within the prompt counts as none";
  }
}

}  // namespace

Calibration calibrate(const Claim& run) {
  Calibration result;
  result.machine = run.machine;
  result.efficiency = run.machine.efficiency;
  result.fixed_s = run.machine.fixed_s;
  const auto grid = grid_of(run, result);
  result.decodes = !grid.tests().empty();
  if (result.decodes) {
    fit_decoding(run, grid, result);
  } else {
    result.notes.push_back("no test of decoding: efficiency and fixed cost stay as assumed");
  }
  for (const auto& seen : run.observed) {
    if (seen.phase == Phase::kPrefill) fit_prompt(run, seen, result);
  }
  if (!result.decodes && !result.prefill_flops_per_s) {
    throw InputError(fmt::format("nothing to fit: {}", result.notes.back()));
  }
  if (!result.prefill_flops_per_s) {
    result.notes.push_back("no test tells the prefill rate (ppN)");
  }
  add_sources(run, result);
  return result;
}

}  // namespace wiretax
