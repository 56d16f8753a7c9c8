#include "report/statistics.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <random>
#include <vector>

namespace wiretax {
namespace {

constexpr double kConfidence = 0.95;
constexpr std::size_t kFewestForInterval = 6;
constexpr std::size_t kResamples = 1000;

std::vector<double> sorted(std::span<const double> values) {
  std::vector<double> copy(values.begin(), values.end());
  std::ranges::sort(copy);
  return copy;
}

/// prefix[i] is the sum of the first i values of the series laid twice end to end.
std::vector<double> circular_prefix_sums(std::span<const double> values) {
  std::vector<double> prefix(2 * values.size() + 1, 0.0);
  for (std::size_t i = 0; i < 2 * values.size(); ++i) {
    prefix[i + 1] = prefix[i] + values[i % values.size()];
  }
  return prefix;
}

/// Beyond them Student's t is a normal, for our purposes.
constexpr std::uint64_t kMostDegrees = 200;

/// How far a mean is from the ends of its interval, in standard errors.
double deviations(double confidence, std::uint64_t degrees) {
  double low = 0;
  double high = 1e12;  // t of one degree of freedom has no end that a double sees
  for (int step = 0; step < 120; ++step) {
    const double middle = (low + high) / 2;
    (1 - student_p_value(middle, degrees) < confidence ? low : high) = middle;
  }
  return (low + high) / 2;
}

/// Of two estimates; a normal's are endless. Welch's are never fewer.
std::uint64_t fewer_degrees(const Estimate& a, const Estimate& b) {
  if (a.degrees == 0 || b.degrees == 0) return std::max(a.degrees, b.degrees);
  return std::min(a.degrees, b.degrees);
}

/// log(b / a) and how far its 95 % interval goes down and up.
struct LogRatio {
  double middle = 0;
  double down = 0;
  double up = 0;
};

LogRatio log_ratio(const Estimate& a, const Estimate& b) {
  const auto down = [](const Estimate& of) { return std::log(of.mean / of.interval.low); };
  const auto up = [](const Estimate& of) { return std::log(of.interval.high / of.mean); };
  return {std::log(b.mean / a.mean), std::hypot(down(b), up(a)), std::hypot(up(b), down(a))};
}

}  // namespace

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::optional<double> standard_deviation(std::span<const double> values) {
  if (values.size() < 2) return std::nullopt;
  const double centre = mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - centre) * (value - centre);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

double median(std::span<const double> values) {
  const auto ordered = sorted(values);
  const auto middle = ordered.size() / 2;
  return ordered.size() % 2 == 1 ? ordered[middle] : (ordered[middle - 1] + ordered[middle]) / 2;
}

double slope(std::span<const double> values) {
  if (values.size() < 2) return 0;
  const double centre_x = static_cast<double>(values.size() - 1) / 2;
  const double centre_y = mean(values);
  double covariance = 0;
  double variance = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double x = static_cast<double>(i) - centre_x;
    covariance += x * (values[i] - centre_y);
    variance += x * x;
  }
  return covariance / variance;
}

std::optional<Interval> mean_interval(std::span<const double> batch_means, std::uint64_t seed) {
  const std::size_t n = batch_means.size();
  if (n < kFewestForInterval) return std::nullopt;
  const auto block = static_cast<std::size_t>(std::ceil(std::cbrt(static_cast<double>(n))));
  const auto prefix = circular_prefix_sums(batch_means);
  std::mt19937_64 generator(seed);
  std::uniform_int_distribution<std::size_t> pick(0, n - 1);
  std::vector<double> means(kResamples);
  for (double& resampled : means) {
    double sum = 0;
    for (std::size_t taken = 0; taken < n;) {
      const auto length = std::min(block, n - taken);
      const auto start = pick(generator);
      sum += prefix[start + length] - prefix[start];
      taken += length;
    }
    resampled = sum / static_cast<double>(n);
  }
  std::ranges::sort(means);
  constexpr auto kTail = static_cast<std::size_t>(kResamples * (1 - kConfidence) / 2);
  return Interval{means[kTail], means[kResamples - 1 - kTail]};
}

std::optional<Interval> median_interval(std::span<const double> values) {
  const std::size_t n = values.size();
  if (n < kFewestForInterval) return std::nullopt;
  // The widest symmetric pair of ranks whose excluded tails hold at most 5 % of Binomial(n, 1/2).
  const double log_half_power = static_cast<double>(n) * std::log(0.5);
  double tail = 0;
  std::size_t rank = 0;
  for (std::size_t k = 0; k < n / 2; ++k) {
    const auto kd = static_cast<double>(k);
    const auto nd = static_cast<double>(n);
    tail += std::exp(std::lgamma(nd + 1) - std::lgamma(kd + 1) - std::lgamma(nd - kd + 1) +
                     log_half_power);
    if (2 * tail > 1 - kConfidence) break;
    rank = k;
  }
  const auto ordered = sorted(values);
  return Interval{ordered[rank], ordered[n - 1 - rank]};
}

double student_p_value(double distance, std::uint64_t degrees) {
  if (degrees == 0 || degrees > kMostDegrees) return std::erfc(distance / std::sqrt(2));
  const auto count = static_cast<double>(degrees);
  const bool odd = degrees % 2 == 1;
  // The angle from the other side: what is wanted is small where the distance is large.
  const double rest = std::atan2(std::sqrt(count), distance);
  const double square = std::sin(rest) * std::sin(rest);
  double term = odd ? std::sin(rest) : 1;
  double sum = degrees > 1 ? term : 0;
  for (std::uint64_t i = odd ? 3 : 2; i < degrees; i += 2) {
    const auto k = static_cast<double>(i);
    term *= square * (k - 1) / k;
    sum += term;
  }
  sum *= std::cos(rest);
  return std::max(0.0, odd ? 2 / std::numbers::pi * (rest - sum) : 1 - sum);
}

std::optional<Estimate> student_estimate(std::span<const double> values) {
  std::vector<double> logs;
  logs.reserve(values.size());
  for (const double value : values) logs.push_back(std::log(value));
  const auto spread = standard_deviation(logs);
  if (!spread || std::ranges::min(values) == std::ranges::max(values)) return std::nullopt;
  Estimate estimate = {.mean = mean(values), .interval = {}, .degrees = values.size() - 1};
  const double error = *spread / std::sqrt(static_cast<double>(values.size()));
  const double factor = std::exp(deviations(kConfidence, estimate.degrees) * error);
  estimate.interval = {estimate.mean / factor, estimate.mean * factor};
  return estimate;
}

Interval ratio_interval(const Estimate& a, const Estimate& b, double confidence) {
  const auto log = log_ratio(a, b);
  const auto degrees = fewer_degrees(a, b);
  const double stretch = deviations(confidence, degrees) / deviations(kConfidence, degrees);
  return {std::exp(log.middle - stretch * log.down), std::exp(log.middle + stretch * log.up)};
}

double ratio_p_value(const Estimate& a, const Estimate& b, double limit) {
  const auto log = log_ratio(a, b);
  const double distance = log.middle - std::log(limit);
  if (distance == 0) return 1;
  const double width = distance > 0 ? log.down : log.up;
  if (width == 0) return 0;
  const auto degrees = fewer_degrees(a, b);
  return student_p_value(std::abs(distance) / width * deviations(kConfidence, degrees), degrees);
}

double discovery_limit(std::span<const double> p_values, double rate) {
  const auto ordered = sorted(p_values);
  for (std::size_t found = ordered.size(); found > 0; --found) {
    const double share = static_cast<double>(found) / static_cast<double>(ordered.size());
    if (ordered[found - 1] <= rate * share) return rate * share;
  }
  return 0;
}

std::optional<double> percentile(std::span<const double> values, double p) {
  if (values.empty() || p <= 0 || p >= 1) return std::nullopt;
  const auto n = static_cast<double>(values.size());
  if (1 - std::pow(p, n) < kConfidence) return std::nullopt;
  auto ordered = std::vector<double>(values.begin(), values.end());
  const auto rank = static_cast<std::ptrdiff_t>(std::ceil(p * n)) - 1;
  std::ranges::nth_element(ordered, ordered.begin() + rank);
  return ordered[static_cast<std::size_t>(rank)];
}

}  // namespace wiretax
