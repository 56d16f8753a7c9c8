#include "bench/harness/stopping.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace wiretax::bench {
namespace {

constexpr std::size_t kWindow = 10;
constexpr double kSteadySlope = 0.005;
constexpr double kDrift = 0.05;
constexpr double kLookGrowth = 1.2;

/// The slope of equally spaced values and its standard error.
struct Trend {
  double slope = 0;
  double error = 0;
};

Trend trend_of(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  const double gradient = slope(values);
  const double centre = mean(values);
  double residual = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double fitted = centre + gradient * (static_cast<double>(i) - (n - 1) / 2);
    residual += (values[i] - fitted) * (values[i] - fitted);
  }
  const double spread = n * (n * n - 1) / 12;
  return {gradient, std::sqrt(residual / (n - 2) / spread)};
}

}  // namespace

Rules rules_for(Profile profile, Precision precision) {
  const double half_width = precision == Precision::kBandwidth ? 0.01 : 0.02;
  if (profile == Profile::kQuick) {
    return {.minimum_s = 0.1, .cap_s = 2, .batch_s = 0.01, .half_width = half_width};
  }
  return {.minimum_s = 0.5, .cap_s = 15, .batch_s = 0.05, .half_width = half_width};
}

void WarmUp::add(double batch_mean_s, double wall_s) {
  means_.push_back(batch_mean_s);
  spent_s_ += wall_s;
}

bool WarmUp::steady() const {
  if (means_.size() < kWindow) return false;
  const std::span<const double> window(means_.end() - kWindow, means_.end());
  const auto trend = trend_of(window);
  return std::abs(trend.slope) < std::max(kSteadySlope * mean(window), 2 * trend.error);
}

void StoppingRule::add(double batch_mean_s, double batch_s) {
  means_.push_back(batch_mean_s);
  measured_s_ += batch_s;
}

bool StoppingRule::converged() {
  if (converged_) return true;
  if (measured_s_ < rules_.minimum_s || means_.size() < rules_.fewest_batches) return false;
  if (means_.size() < next_look_) return false;
  next_look_ =
      static_cast<std::size_t>(std::ceil(static_cast<double>(means_.size()) * kLookGrowth));
  const auto range = interval();
  converged_ = range && (range->high - range->low) / 2 <= rules_.half_width * mean(means_);
  return converged_;
}

bool drifts(const std::vector<double>& batch_means) {
  if (batch_means.size() < kWindow) return false;
  const auto trend = trend_of(batch_means);
  const double change = std::abs(trend.slope) * static_cast<double>(batch_means.size());
  return change > kDrift * mean(batch_means) && std::abs(trend.slope) > 3 * trend.error;
}

}  // namespace wiretax::bench
