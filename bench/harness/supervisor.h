#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "bench/harness/clock.h"
#include "bench/harness/failure.h"

namespace wiretax::bench {

/// Factor on every deadline, and on the time in which a queue pair wants its acknowledgement, from
/// WIRETAX_SLOW (default 1): emulated machines are slow, not broken.
double slow_factor();

/// The thread that keeps the promise never to hang. It waits for SIGINT and SIGTERM and for the
/// deadline of whatever the process is doing, since no flag can end a blocking MPI call. At either
/// it runs the last will (rank 0's writes the result file) and ends the process: mpirun kills one
/// second after its signal, so there is no time to unwind.
class Supervisor {
 public:
  using LastWill = std::function<void(const Failure&)>;

  /// Blocks the two signals here and in every thread started later: construct before MPI_Init.
  Supervisor();
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  void set_last_will(LastWill will);
  /// Who this process is, and whom it waits for, in messages: "rank 0 (spark-a)".
  void set_parties(std::string self, std::string others);
  /// This rank waits so long before it ends, so that rank 0 has the first word: mpirun kills the
  /// other ranks of a host at once when one of them has ended, also those that it has just sent
  /// SIGTERM.
  void set_grace_s(double seconds);
  /// The whole run may take this long, from now or from an earlier moment.
  void set_run_deadline(double seconds, double since_s = now_s());

  /// A failure that this rank knows but others may not: if a signal ends it, this was the cause.
  void note_cause(const Failure& cause);
  void clear_cause();

  /// While it lives, `what` may take `seconds` (times WIRETAX_SLOW). Watches nest: the inner says
  /// what is going on, the earliest deadline counts.
  class Watch {
   public:
    Watch(Supervisor& supervisor, std::string what, double seconds);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    Supervisor& supervisor_;
    std::string outer_what_;
    double outer_deadline_s_;
  };

 private:
  void loop();
  // All with mutex_ held.
  [[nodiscard]] std::optional<Failure> overdue() const;
  [[nodiscard]] Failure after_cause(const Failure& consequence) const;
  [[noreturn]] void end(const Failure& reason) const;

  std::mutex mutex_;
  std::string self_ = "this process";  // guarded by mutex_, like all below
  std::string others_ = "the others";
  std::string what_;
  double deadline_s_;  // infinity: nothing is watched
  double run_deadline_s_;
  double run_allowed_s_ = 0;
  double grace_s_ = 0;
  double last_tick_s_ = 0;
  double stood_still_s_ = 0;  // the longest time between two ticks of this watch
  std::optional<Failure> cause_;
  LastWill last_will_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace wiretax::bench
