#pragma once

#include <set>
#include <string>
#include <vector>

#include "bench/harness/program.h"
#include "bench/harness/progress.h"
#include "bench/harness/result_writer.h"

namespace wiretax::bench {

/// All points of one run: rank 0 goes through them as Google Benchmark's benchmarks and broadcasts
/// each specification; the other ranks receive, run and agree until told to stop, so lists cannot
/// diverge.
class Campaign {
 public:
  Campaign(Program& program, Session& session, Supervisor& supervisor);

  /// Rank 0: measures the plan and reports to the writer. Returns what ended it early, if anything.
  std::optional<Failure> lead(const std::vector<Point>& points, ResultWriter& writer);
  /// The other ranks. Returns what all ranks agreed to end with, if anything.
  std::optional<Failure> follow();
  /// Every rank knows that the run broke off, so none waits for another at the end.
  [[nodiscard]] bool broken_off() const { return ended_by_.has_value(); }

  /// Rank 0: whether any point was suspect or invalid, for --strict.
  [[nodiscard]] bool doubtful() const { return doubtful_; }
  [[nodiscard]] std::size_t suspects() const { return suspects_; }

 private:
  struct Outcome {
    std::vector<Measurement> measurements;
    std::vector<std::string> evidence;
    std::vector<std::string> hindrances;  // by rank: what slowed it down, or nothing
  };
  Outcome measure(const std::string& order);
  Row row_of(const Point& point);
  Row try_row(const Point& point);
  void announce(const std::string& order);

  Program& program_;
  Session& session_;
  Supervisor& supervisor_;
  std::optional<Failure> ended_by_;
  std::optional<Failure> wrong_data_;
  bool doubtful_ = false;
  std::size_t suspects_ = 0;
  // Points of one specification share a measurement; each takes its row once, a repetition anew.
  std::string measured_;
  Outcome outcome_;
  std::set<int> taken_;
};

}  // namespace wiretax::bench
