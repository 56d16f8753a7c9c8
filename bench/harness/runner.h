#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/harness/ranks.h"
#include "bench/harness/stopping.h"

namespace wiretax::bench {

/// What the clock is read around.
enum class Timing {
  kSpan,      // a batch of operations that overlap: streams, pipelines
  kEach,      // every operation, where one is long enough, else the batch
  kIsolated,  // every operation, behind an untimed barrier, as the OSU benchmarks do
};

/// What a program times. The runner owns warm-up, start, clock, n, the maximum over ranks and when
/// to check; a body only does its operations.
class Body {
 public:
  Body() = default;
  virtual ~Body() = default;
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  /// n operations, nothing else. Throws Failure where the wire or the peer fails.
  virtual void run(std::uint64_t n) = 0;
  /// What comes in packs, such as the operations of a CUDA graph: n is a multiple of this, and no
  /// operation of a pack is timed alone.
  [[nodiscard]] virtual std::uint64_t quantum() const { return 1; }
  /// The warm-up is over: what is run from here on counts.
  virtual void begin_measuring() {}
  /// Untimed, after measuring: what else has to be seen to explain the result.
  virtual void look_again() {}
  /// One operation on fresh closed-form data; throws Failure(kDataMismatch) that names what
  /// differs.
  virtual void check() = 0;
  /// Measurements that run side by side, such as disjoint pairs of ranks, are numbered from 0;
  /// kIdle where this rank takes part in none.
  [[nodiscard]] virtual int group() const { return 0; }
  /// After this rank failed: makes waiting peers notice at once instead of at their deadline.
  virtual void hang_up() noexcept {}
  /// What this rank saw besides time (counters, TCP_INFO), as JSON text, read after measuring.
  virtual std::string evidence() { return "{}"; }

  static constexpr int kIdle = -1;
};

/// Times of one group, over all its ranks. Only rank 0 has them.
struct Measurement {
  std::uint64_t operations = 0;
  double total_s = 0;  // maximum over ranks, summed over batches
  std::vector<double> batch_means_s;
  std::vector<double> single_s;  // of every operation, where it is long enough to time alone
  double skew_s = 0;             // slowest rank less fastest, per operation
  bool steady = false;
  Stop stop = Stop::kTimeCap;
  std::optional<Interval> interval_s;

  [[nodiscard]] double mean_s() const { return total_s / static_cast<double>(operations); }
};

/// Runs a body on all ranks in lock-step batches until every group's mean is known well enough.
class Runner {
 public:
  /// `patience_s`: how far apart the ranks may end one batch.
  Runner(Ranks& ranks, const Rules& rules, Timing timing, std::uint64_t seed, std::string phase,
         double patience_s = Ranks::kAgreePatience);

  /// Collective. Groups are numbered 0 to groups-1. Throws AgreedFailure on every rank if one
  /// fails.
  std::vector<Measurement> measure(Body& body, int groups);

 private:
  struct Batch;
  class Leader;
  void lead(Body& body, Leader& leader);
  void follow(Body& body);
  std::vector<std::vector<double>> batch(Body& body, const Batch& order);
  std::vector<double> timed(Body& body, const Batch& order);
  std::vector<double> time_each(Body& body, std::uint64_t n);

  Ranks& ranks_;
  Rules rules_;
  Timing timing_;
  std::uint64_t seed_;
  std::string phase_;
  double patience_s_;
  bool measuring_ = false;
};

}  // namespace wiretax::bench
