#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace wiretax::bench {

/// A pause between two messages that reads memory, as computing a layer does: it takes the caches
/// and the memory's bandwidth from whoever sends next. One thread.
class MemoryPause {
 public:
  /// Of `pause_s` each; without one nothing is allocated and read.
  explicit MemoryPause(double pause_s);

  /// What they all read: more than the caches hold.
  static std::uint64_t memory_bytes();

  void take() noexcept;
  void forget() noexcept;

  [[nodiscard]] double read_bytes() const { return read_bytes_; }
  [[nodiscard]] double paused_s() const { return paused_s_; }

 private:
  static std::span<const std::uint64_t> memory();

  double pause_s_;
  std::span<const std::uint64_t> memory_;
  std::size_t at_ = 0;
  double read_bytes_ = 0;
  double paused_s_ = 0;
  std::uint64_t sum_ = 0;
};

}  // namespace wiretax::bench
