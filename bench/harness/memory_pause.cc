#include "bench/harness/memory_pause.h"

#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "bench/harness/clock.h"
#include "report/units.h"

namespace wiretax::bench {
namespace {

// Read between two looks at the clock: about a microsecond of memory's time.
constexpr std::size_t kWords = 2048;

/// Keeps a value, and what it was computed from, alive for the compiler.
void keep(std::uint64_t value) { asm volatile("" : : "r"(value) : "memory"); }

}  // namespace

std::uint64_t MemoryPause::memory_bytes() {
  const auto cache = std::max(sysconf(_SC_LEVEL3_CACHE_SIZE), sysconf(_SC_LEVEL2_CACHE_SIZE));
  return std::clamp<std::uint64_t>(4 * static_cast<std::uint64_t>(std::max(cache, 0L)),
                                   64 * kMebibyte, 256 * kMebibyte);
}

/// Kept until the end: the pages of a new one take seconds to come on a busy machine.
std::span<const std::uint64_t> MemoryPause::memory() {
  // Ones: pages that were never written to are all the same page of zeros.
  static const std::vector<std::uint64_t> kKept(memory_bytes() / sizeof(std::uint64_t), 1);
  return kKept;
}

MemoryPause::MemoryPause(double pause_s) : pause_s_(pause_s) {
  if (pause_s > 0) memory_ = memory();
}

void MemoryPause::take() noexcept {
  if (memory_.empty()) return;
  const double begin_s = now_s();
  double end_s = begin_s;
  while (end_s - begin_s < pause_s_) {
    const auto block = memory_.subspan(at_, kWords);
    sum_ = std::accumulate(block.begin(), block.end(), sum_);
    at_ = at_ + 2 * kWords <= memory_.size() ? at_ + kWords : 0;
    read_bytes_ += kWords * sizeof(std::uint64_t);
    end_s = now_s();
  }
  keep(sum_);
  paused_s_ += end_s - begin_s;
}

void MemoryPause::forget() noexcept { read_bytes_ = paused_s_ = 0; }

}  // namespace wiretax::bench
