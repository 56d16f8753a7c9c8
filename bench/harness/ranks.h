#pragma once

#include <mpi.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bench/harness/failure.h"
#include "bench/harness/supervisor.h"

namespace wiretax::bench {

/// The ranks of this run, as MPI launched them, and the control traffic between them. Every call is
/// collective, non-blocking underneath and has a deadline; none is used inside a timed span.
/// All throw Failure: kPeer where MPI reports an error, kTimeout where a rank does not answer.
class Ranks {
 public:
  /// Starts MPI. The supervisor must outlive it.
  explicit Ranks(Supervisor& supervisor);
  /// Ends MPI; after a rank was lost that would hang, so then it does not.
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] int size() const { return size_; }
  [[nodiscard]] bool leads() const { return rank_ == 0; }
  [[nodiscard]] const std::string& host(int rank) const {
    return hosts_[static_cast<std::size_t>(rank)];
  }
  [[nodiscard]] const std::vector<std::string>& hosts() const { return hosts_; }
  /// "rank 1 (spark-02)", for messages.
  [[nodiscard]] std::string describe(int rank) const;
  /// Whom this rank waits for, for messages: of two, the other one by its name.
  [[nodiscard]] std::string others() const;

  /// Ends a phase: returns if no rank has an error; else every rank throws the same AgreedFailure,
  /// that of the rank whose error came first in this phase. Names a rank that stays silent.
  /// Ranks may come here up to `patience_s` (times WIRETAX_SLOW) apart.
  void agree(const std::optional<Failure>& mine, const std::string& phase,
             double patience_s = kAgreePatience);
  /// A rank with an error arrives at once; the others only when their own 10 s without progress
  /// end.
  static constexpr double kAgreePatience = 15;

  void barrier(const std::string& phase);
  /// Rank 0's text to all.
  std::string broadcast(const std::string& text, const std::string& phase);
  /// Rank 0's values to all.
  void broadcast(std::span<std::uint64_t> values, const std::string& phase);
  /// Everybody's text to all, by rank.
  std::vector<std::string> all_gather(const std::string& text, const std::string& phase);
  /// Everybody's values to rank 0, by rank; all ranks give equally many.
  std::vector<std::vector<double>> gather(std::span<const double> values, const std::string& phase);

  /// All ranks, for a backend's own communicator.
  [[nodiscard]] MPI_Comm communicator() const { return control_; }
  /// No orderly end is possible any more: a rank is gone.
  void abandon() { lost_ = true; }
  [[nodiscard]] bool lost() const { return lost_; }

 private:
  void wait(MPI_Request& request, const std::string& phase);
  std::string collect_verdict(const std::string& mine, const std::string& phase, double patience_s);
  std::string receive_verdict(const std::string& mine, const std::string& phase, double patience_s);

  Supervisor& supervisor_;
  MPI_Comm control_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
  bool lost_ = false;
  double phase_began_s_ = 0;
  std::vector<std::string> hosts_;
};

/// Runs `action` on every rank and agrees: if it throws on one, all throw the same AgreedFailure.
template <typename Action>
void together(Ranks& ranks, const std::string& phase, Action action,
              double patience_s = Ranks::kAgreePatience) {
  std::optional<Failure> failure;
  try {
    action();
  } catch (const AgreedFailure&) {
    throw;  // every rank is here already
  } catch (const std::exception& error) {
    failure = as_failure(error);
  }
  ranks.agree(failure, phase, patience_s);
}

}  // namespace wiretax::bench
