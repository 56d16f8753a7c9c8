#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "collectives/nccl/table.h"

namespace wiretax::collectives {

/// Asks NCCL all the while whether a communicator has failed, and whether what was enqueued gets
/// done. A kernel that waits for a peer does not end by itself: then it aborts all communicators,
/// which makes every wait return (NCCL user guide, "Asynchronous errors and error handling").
class Watchdog {
 public:
  /// `patience_s`: beside what the messages may take on a slow wire.
  Watchdog(std::shared_ptr<const GpuTable> table, double patience_s);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  void watch(void* communicator);
  /// False where it was aborted, and so is gone.
  bool forget(void* communicator);

  /// So many bytes more are on their way.
  void expect(double bytes);
  /// All of them have arrived.
  void rest() { ticks_.store(kIdle, std::memory_order_relaxed); }

  /// Before a communicator is used, and after waiting. Throws PeerLost where one has failed,
  /// PeerSilent where nothing has come.
  void check() const {
    if (failed_.load(std::memory_order_acquire)) complain();
  }

 private:
  static constexpr std::int64_t kIdle = -1;

  void loop();
  // With mutex_ held: whether something has failed.
  bool look();
  bool has_waited_too_long();
  void abort_all();
  void fail(std::string reason, bool silent);
  [[noreturn]] void complain() const;

  std::shared_ptr<const GpuTable> table_;
  double patience_s_;
  std::atomic<bool> failed_ = false;
  std::string failure_;  // written before failed_, never after, as the next
  bool silent_ = false;
  std::atomic<std::int64_t> ticks_ = kIdle;  // until patience ends
  std::mutex mutex_;
  std::condition_variable wake_;
  std::set<void*> watched_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace wiretax::collectives
