#include "bench/harness/runner.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "bench/harness/clock.h"

namespace wiretax::bench {
namespace {

// Single times travel to rank 0 after each batch; more than these would cost more than they tell.
constexpr std::uint64_t kMostSingles = 1 << 16;
constexpr std::uint64_t kMostOperations = std::uint64_t{1} << 40;
constexpr double kMostGrowth = 10;

// A rank's report of a batch: its group, its time, then the time of each single operation.
constexpr std::size_t kGroupAt = 0;
constexpr std::size_t kElapsedAt = 1;
constexpr std::size_t kSinglesAt = 2;

}  // namespace

/// What rank 0 orders: n operations, each timed alone or only the span, for the warm-up or for the
/// result; n = 0 ends the measurement.
struct Runner::Batch {
  std::uint64_t n = 0;
  bool singly = false;
  bool counts = false;

  using Words = std::array<std::uint64_t, 3>;
  [[nodiscard]] Words words() const { return {n, singly ? 1U : 0U, counts ? 1U : 0U}; }
  static Batch from(const Words& words) { return {words[0], words[1] != 0, words[2] != 0}; }
};

/// Rank 0's book-keeping: combines the ranks' times, decides about n, warm-up and stopping.
class Runner::Leader {
 public:
  Leader(const Rules& rules, Timing timing, std::uint64_t seed, int groups, std::uint64_t quantum)
      : rules_(rules),
        timing_(timing),
        singly_(timing == Timing::kIsolated),
        quantum_(quantum),
        n_(quantum) {
    for (int group = 0; group < groups; ++group) groups_.emplace_back(rules, seed);
  }

  [[nodiscard]] Batch next() const { return {n_, singly_, measuring_}; }

  /// A batch took `wall_s` on rank 0, barriers included. False when there is nothing left to do.
  bool add(const std::vector<std::vector<double>>& by_rank, double wall_s) {
    wall_s_ = wall_s;
    std::vector<BatchTime> times;
    for (std::size_t i = 0; i < groups_.size(); ++i) times.push_back(combine(by_rank, i));
    if (n_is_final_) {
      for (std::size_t i = 0; i < groups_.size(); ++i) keep(groups_[i], times[i]);
      return measuring_ ? !stopped() : (begin_measuring_when_steady(), true);
    }
    choose_n(times);
    return true;
  }

  std::vector<Measurement> results() {
    std::vector<Measurement> measurements;
    for (auto& group : groups_) {
      group.result.steady = group.warm_up.steady();
      group.result.stop = group.stopping.converged() ? Stop::kConverged : Stop::kTimeCap;
      group.result.batch_means_s = group.stopping.means();
      group.result.interval_s = group.stopping.interval();
      group.result.skew_s /= static_cast<double>(group.result.operations);
      measurements.push_back(std::move(group.result));
    }
    return measurements;
  }

 private:
  struct Group {
    Group(const Rules& rules, std::uint64_t seed) : warm_up(rules), stopping(rules, seed) {}
    WarmUp warm_up;
    StoppingRule stopping;
    Measurement result;
    bool absent = false;  // no rank takes part in it, and nobody waits for it
  };
  struct BatchTime {
    bool measured = false;
    double elapsed_s = 0;
    double skew_s = 0;
    std::vector<double> singles_s;
  };

  BatchTime combine(const std::vector<std::vector<double>>& by_rank, std::size_t group) const {
    BatchTime time;
    double fastest_s = std::numeric_limits<double>::infinity();
    for (const auto& report : by_rank) {
      if (report[kGroupAt] != static_cast<double>(group)) continue;
      const bool slowest = report[kElapsedAt] > time.elapsed_s;
      time.measured = true;
      time.elapsed_s = std::max(time.elapsed_s, report[kElapsedAt]);
      fastest_s = std::min(fastest_s, report[kElapsedAt]);
      add_singles({report.begin() + kSinglesAt, report.end()}, slowest, time.singles_s);
    }
    if (!time.measured) return time;
    time.skew_s = time.elapsed_s - fastest_s;
    // Behind a barrier each operation is a measurement of its own: the slowest rank of each counts.
    if (timing_ == Timing::kIsolated) {
      time.elapsed_s = 0;
      for (const double single : time.singles_s) time.elapsed_s += single;
    }
    return time;
  }

  /// Behind a barrier an operation takes as long as on its slowest rank. In a chain the ranks'
  /// clocks cut it at different moments, so only the times of one rank add up to the whole: those
  /// of the slowest, which is the one that the mean is of.
  void add_singles(std::vector<double> theirs, bool slowest, std::vector<double>& singles_s) const {
    if (singles_s.empty() || (slowest && timing_ != Timing::kIsolated)) {
      singles_s = std::move(theirs);
    } else if (timing_ == Timing::kIsolated) {
      for (std::size_t i = 0; i < singles_s.size(); ++i) {
        singles_s[i] = std::max(singles_s[i], theirs[i]);
      }
    }
  }

  /// Grows n until a batch has its length; the time of one operation then says whether to time
  /// each.
  void choose_n(const std::vector<BatchTime>& times) {
    double slowest_s = clock_properties().tick_s;
    if (timing_ == Timing::kIsolated) slowest_s = wall_s_;  // the barriers may be most of it
    for (const auto& time : times) slowest_s = std::max(slowest_s, time.elapsed_s);
    // The very first operation also connects, allocates and faults: it says nothing about the next.
    if (std::exchange(first_batch_, false)) return;
    const double operation_s = slowest_s / static_cast<double>(n_);
    if (n_ == quantum_) alone_s_ = slowest_s;
    const double growth = batch_s() / slowest_s;
    const double wanted = static_cast<double>(n_) * std::min(growth, kMostGrowth);
    n_ = static_cast<std::uint64_t>(std::clamp(wanted, 1.0, static_cast<double>(kMostOperations)));
    n_ = (n_ + quantum_ - 1) / quantum_ * quantum_;
    n_is_final_ = growth <= 2;  // the batch was nearly long enough, so its n is known well
    if (!n_is_final_) return;
    const bool long_enough = operation_s >= shortest_span_s() && n_ <= kMostSingles;
    singly_ =
        timing_ == Timing::kIsolated || (timing_ == Timing::kEach && long_enough && quantum_ == 1);
    if (singly_) n_ = std::min(n_, kMostSingles);
  }

  /// Operations that overlap take, together, as long as one of them alone before and after all of
  /// them are on their way, and those that follow each other begin while the messages between two
  /// batches still die away: a batch is long against that, or as long as the warm-up allows.
  [[nodiscard]] double batch_s() const {
    constexpr double kTimesAlone = 32;
    constexpr double kOfWarmUp = 12;  // which has to have ten batches before it gives up
    if (timing_ == Timing::kIsolated) return rules_.batch_s;
    return std::clamp(kTimesAlone * alone_s_, rules_.batch_s, 3 * rules_.minimum_s / kOfWarmUp);
  }

  void keep(Group& group, const BatchTime& time) const {
    group.absent = !time.measured;
    if (group.absent) return;
    const double mean_s = time.elapsed_s / static_cast<double>(n_);
    if (!measuring_) {
      group.warm_up.add(mean_s, wall_s_);
      return;
    }
    group.stopping.add(mean_s, time.elapsed_s);
    group.result.operations += n_;
    group.result.total_s += time.elapsed_s;
    group.result.skew_s += time.skew_s;
    group.result.single_s.insert(group.result.single_s.end(), time.singles_s.begin(),
                                 time.singles_s.end());
  }

  void begin_measuring_when_steady() {
    measuring_ =
        std::ranges::all_of(groups_, [](const Group& g) { return g.absent || g.warm_up.done(); });
    measuring_since_s_ = now_s();
  }

  bool stopped() {
    if (now_s() - measuring_since_s_ >= rules_.cap_s) return true;
    return std::ranges::all_of(groups_,
                               [](Group& g) { return g.absent || g.stopping.converged(); });
  }

  Rules rules_;
  Timing timing_;
  bool singly_;
  std::vector<Group> groups_;
  std::uint64_t quantum_;
  std::uint64_t n_;
  double alone_s_ = 0;  // what one operation, or one pack, took by itself
  bool first_batch_ = true;
  bool n_is_final_ = false;
  bool measuring_ = false;
  double measuring_since_s_ = 0;
  double wall_s_ = 0;  // of the last batch
};

Runner::Runner(Ranks& ranks, const Rules& rules, Timing timing, std::uint64_t seed,
               std::string phase, double patience_s)
    : ranks_(ranks),
      rules_(rules),
      timing_(timing),
      seed_(seed),
      phase_(std::move(phase)),
      patience_s_(patience_s) {}

std::vector<Measurement> Runner::measure(Body& body, int groups) {
  if (!ranks_.leads()) {
    follow(body);
    return {};
  }
  Leader leader(rules_, timing_, seed_, groups, body.quantum());
  lead(body, leader);
  return leader.results();
}

void Runner::lead(Body& body, Leader& leader) {
  for (bool more = true; more;) {
    const double begin_s = now_s();
    const Batch order = leader.next();
    auto words = order.words();
    ranks_.broadcast(words, phase_);
    const auto times = batch(body, order);
    more = leader.add(times, now_s() - begin_s);
  }
  auto stop = Batch{}.words();
  ranks_.broadcast(stop, phase_);
}

void Runner::follow(Body& body) {
  for (;;) {
    Batch::Words words{};
    ranks_.broadcast(words, phase_);
    const auto order = Batch::from(words);
    if (order.n == 0) return;
    batch(body, order);
  }
}

std::vector<std::vector<double>> Runner::batch(Body& body, const Batch& order) {
  std::vector<double> report(kSinglesAt + (order.singly ? order.n : 0));
  std::optional<Failure> failure;
  if (order.counts && !std::exchange(measuring_, true)) body.begin_measuring();
  ranks_.barrier(phase_);
  try {
    report = timed(body, order);
  } catch (const std::exception& error) {
    failure = as_failure(error);
    body.hang_up();
  }
  ranks_.agree(failure, phase_, patience_s_);
  return ranks_.gather(report, phase_);
}

std::vector<double> Runner::timed(Body& body, const Batch& order) {
  std::vector<double> report;
  // The ranks leave the barrier one after the other. In a chain the first operation puts them in
  // step, and is none to count.
  constexpr std::uint64_t kWorthALeadIn = 8;
  if (timing_ == Timing::kEach && order.n >= kWorthALeadIn * body.quantum()) {
    body.run(body.quantum());
  }
  if (order.singly) {
    report = time_each(body, order.n);
  } else {
    report.resize(kSinglesAt);
    const double begin_s = now_s();
    body.run(order.n);
    report[kElapsedAt] = now_s() - begin_s;
  }
  report[kGroupAt] = body.group();
  return report;
}

std::vector<double> Runner::time_each(Body& body, std::uint64_t n) {
  std::vector<double> report(kSinglesAt + n);
  const double begin_s = now_s();
  double last_s = begin_s;
  for (std::uint64_t i = 0; i < n; ++i) {
    if (timing_ == Timing::kIsolated) {
      ranks_.barrier(phase_);
      last_s = now_s();
    }
    body.run(1);
    const double end_s = now_s();
    report[kSinglesAt + i] = end_s - last_s;
    last_s = end_s;
  }
  report[kElapsedAt] = last_s - begin_s;
  return report;
}

}  // namespace wiretax::bench
