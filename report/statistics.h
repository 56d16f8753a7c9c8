#pragma once

// The only statistics of the project. Nothing here assumes a distribution, and nothing drops an
// outlier.

#include <cstdint>
#include <optional>
#include <span>

namespace wiretax {

struct Interval {
  double low = 0;
  double high = 0;
};

double mean(std::span<const double> values);

/// Standard deviation of a sample, in two passes: the sum of squares in one pass loses all digits
/// of {1e9+1, 1e9+2, 1e9+3}. Absent below two values.
std::optional<double> standard_deviation(std::span<const double> values);

double median(std::span<const double> values);

/// Least-squares slope per step of equally spaced values; 0 below two values.
double slope(std::span<const double> values);

/// 95 % interval of the mean of consecutive batch means, by circular block bootstrap, so that slow
/// swings that span batches widen it (Politis and Romano 1992; block length n^(1/3)). The same
/// values and seed give the same interval. Absent below six values.
std::optional<Interval> mean_interval(std::span<const double> batch_means, std::uint64_t seed);

/// 95 % interval of the median of pairwise ratios, by order statistics (exact, no bootstrap).
/// Absent below six values.
std::optional<Interval> median_interval(std::span<const double> values);

/// Quantile by nearest rank. Absent when the values cannot support it at 95 % confidence: the
/// smallest n with 1 - p^n >= 0.95, so 29 for p90, 299 for p99, 2995 for p99.9.
std::optional<double> percentile(std::span<const double> values, double p);

}  // namespace wiretax
