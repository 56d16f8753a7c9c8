#include "collectives/nccl/watchdog.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "collectives/backend.h"

namespace wiretax::collectives {
namespace {

constexpr int kInProgress = 7;  // ncclInProgress
constexpr std::chrono::milliseconds kInterval{100};
constexpr double kTicks = 10;          // of a second
constexpr double kSlowestRate = 10e6;  // bytes per second: slower than any wire worth measuring
// A call that is under way sees the failure before the communicator is gone, unless it waits
// itself.
constexpr std::chrono::milliseconds kForCalls{300};

}  // namespace

Watchdog::Watchdog(std::shared_ptr<const GpuTable> table, double patience_s)
    : table_(std::move(table)), patience_s_(patience_s), thread_([this] { loop(); }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Watchdog::watch(void* communicator) {
  const std::lock_guard lock(mutex_);
  watched_.insert(communicator);
}

bool Watchdog::forget(void* communicator) {
  const std::lock_guard lock(mutex_);
  return watched_.erase(communicator) > 0;
}

/// Of one thread, which also rests. Ticks are no clock: where the machine stands still, so do they.
void Watchdog::expect(double bytes) {
  const auto more = static_cast<std::int64_t>(3 * bytes / kSlowestRate * kTicks);
  if (ticks_.load(std::memory_order_relaxed) != kIdle) {
    ticks_.fetch_add(more, std::memory_order_relaxed);
  } else {
    ticks_.store(static_cast<std::int64_t>(patience_s_ * kTicks) + more, std::memory_order_relaxed);
  }
}

bool Watchdog::has_waited_too_long() {
  auto left = ticks_.load(std::memory_order_relaxed);
  return left != kIdle && left != 0 &&
         ticks_.compare_exchange_strong(left, left - 1, std::memory_order_relaxed) && left == 1;
}

void Watchdog::fail(std::string reason, bool silent) {
  failure_ = std::move(reason);
  silent_ = silent;
  failed_.store(true, std::memory_order_release);
}

void Watchdog::loop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (look()) {
      wake_.wait_for(lock, kForCalls, [this] { return stopping_; });
      abort_all();
      return;
    }
    wake_.wait_for(lock, kInterval, [this] { return stopping_; });
  }
}

/// An abort waits until the GPU is done with the communicator, which may wait for another one's: so
/// each has a thread, and nobody waits for those.
void Watchdog::abort_all() {
  for (void* const communicator : watched_) {
    std::thread([table = table_, communicator] { table->nccl.abort(communicator); }).detach();
  }
  watched_.clear();
}

bool Watchdog::look() {
  for (void* const communicator : watched_) {
    int error = 0;
    const int result = table_->nccl.async_error(communicator, &error);
    if (result != 0) error = result;
    if (error == 0 || error == kInProgress) continue;
    const char* const last = table_->nccl.last_error(communicator);
    auto reason =
        fmt::format("NCCL: {} (ncclResult_t {})", table_->nccl.error_string(error), error);
    if (last != nullptr && *last != '\0') reason += fmt::format(": {}", last);
    fail(std::move(reason), false);
    return true;
  }
  if (watched_.empty() || !has_waited_too_long()) return false;
  fail(fmt::format("nothing has come over NCCL for {:g} s: a rank hangs, or a cable is out",
                   patience_s_),
       true);
  return true;
}

void Watchdog::complain() const {
  if (silent_) throw PeerSilent(failure_);
  throw PeerLost(failure_);
}

}  // namespace wiretax::collectives
