#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "report/statistics.h"

namespace wiretax::bench {

enum class Profile { kQuick, kFull };

/// How exactly a mean has to be known: half the width of its 95 % interval, as a share of it.
enum class Precision { kBandwidth, kLatency };

/// When warm-up ends and when measuring does.
struct Rules {
  double minimum_s;   // measured time before any decision to stop
  double cap_s;       // measuring ends here, converged or not
  double batch_s;     // length of a batch; a tenth of the minimum
  double half_width;  // share of the mean
  std::uint64_t fewest_batches = 10;

  /// Longest time that warm-up and measuring take together.
  [[nodiscard]] double worst_case_s() const { return 3 * minimum_s + cap_s; }
};

Rules rules_for(Profile profile, Precision precision);

/// Why measuring ended; the number is the counter `stop` of the result file.
enum class Stop : int { kConverged = 1, kTimeCap = 2 };

/// Warm-up ends when the last ten batch means no longer lean: the slope is under 0.5 % of their
/// mean a batch, or not told apart from zero (under twice its standard error). It gives up after
/// three times the minimum time.
class WarmUp {
 public:
  explicit WarmUp(const Rules& rules) : rules_(rules) {}
  /// `wall_s`: what the batch took with all that belongs to it, such as the barriers between.
  void add(double batch_mean_s, double wall_s);
  [[nodiscard]] bool steady() const;
  [[nodiscard]] bool done() const { return steady() || spent_s_ >= 3 * rules_.minimum_s; }

 private:
  Rules rules_;
  double spent_s_ = 0;
  std::vector<double> means_;
};

/// Collects equally long batches of one measurement and says when their mean is known well enough.
class StoppingRule {
 public:
  StoppingRule(const Rules& rules, std::uint64_t seed) : rules_(rules), seed_(seed) {}
  void add(double batch_mean_s, double batch_s);
  /// True once converged; the interval is computed at growing counts only, as looking at it after
  /// every batch would stop at lucky moments.
  [[nodiscard]] bool converged();
  [[nodiscard]] const std::vector<double>& means() const { return means_; }
  [[nodiscard]] std::optional<Interval> interval() const { return mean_interval(means_, seed_); }

 private:
  Rules rules_;
  std::uint64_t seed_;
  double measured_s_ = 0;
  std::size_t next_look_ = 0;
  bool converged_ = false;
  std::vector<double> means_;
};

/// The measured batches still leaned one way: end and start differ by over 5 % of the mean, beyond
/// noise.
bool drifts(const std::vector<double>& batch_means);

}  // namespace wiretax::bench
