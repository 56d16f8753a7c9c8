#pragma once

#include <cstdint>

#include "bench/harness/memory_pause.h"
#include "collectives/backend.h"

namespace wiretax::bench {

/// The pauses between messages in which memory is read, as computing does: by this thread, or by
/// the GPU on the queue where the messages are.
class Gap {
 public:
  Gap() : Gap(0, nullptr) {}
  /// Of `seconds` each; none if 0. The queue outlives it.
  Gap(double seconds, collectives::Queue* queue);

  [[nodiscard]] bool taken() const { return seconds_ > 0; }
  void take();
  /// So many were taken on the queue, in this way or in a recording.
  void count(std::uint64_t pauses) { count_ += pauses; }
  void forget() noexcept;
  /// On a queue nobody sees a pause begin and end among messages: what they take by themselves.
  void weigh();

  [[nodiscard]] double paused_s() const;
  /// Of one pause on a queue.
  [[nodiscard]] double each_s() const { return each_s_; }
  [[nodiscard]] double read_bytes() const;

 private:
  double seconds_;
  collectives::Queue* queue_;
  MemoryPause memory_;
  std::uint64_t count_ = 0;
  double each_s_ = 0;
};

}  // namespace wiretax::bench
