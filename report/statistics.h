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

/// A mean and the 95 % interval around it.
struct Estimate {
  double mean = 0;
  Interval interval;
  std::uint64_t degrees = 0;  // of freedom, where the interval is Student's; 0: a normal's
};

/// 95 % interval of the mean of positive values that were measured independently, such as starts of
/// a program: Student's t on the log scale, where no end falls below zero. Absent below two values,
/// and where all are equal: rounding then hides how far they spread.
std::optional<Estimate> student_estimate(std::span<const double> values);

/// The chance that Student's t of so many degrees of freedom (0: a normal) is further from zero
/// than `distance`. Abramowitz and Stegun 1964, 26.7.3 and 26.7.4.
double student_p_value(double distance, std::uint64_t degrees);

/// The interval of b / a at `confidence`, from two independent positive estimates: MOVER on the log
/// scale (Zou and Donner 2008), which keeps skewed intervals skewed. Other levels than 95 % stretch
/// the 95 % interval on the log scale, by Student's t of the fewer degrees of freedom.
Interval ratio_interval(const Estimate& a, const Estimate& b, double confidence = 0.95);

/// 1 - the highest confidence at which the interval of b / a excludes `limit`; 1 where b / a is
/// `limit`.
double ratio_p_value(const Estimate& a, const Estimate& b, double limit);

/// Of many p-values, the largest that is still a discovery when at most `rate` of those may be
/// false in the mean (Benjamini and Hochberg 1995); 0 where none is. If all are false, `rate` is
/// the chance that there is any.
double discovery_limit(std::span<const double> p_values, double rate);

/// Quantile by nearest rank. Absent when the values cannot support it at 95 % confidence: the
/// smallest n with 1 - p^n >= 0.95, so 29 for p90, 299 for p99, 2995 for p99.9.
std::optional<double> percentile(std::span<const double> values, double p);

}  // namespace wiretax
