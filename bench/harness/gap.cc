#include "bench/harness/gap.h"

namespace wiretax::bench {

Gap::Gap(double seconds, collectives::Queue* queue)
    : seconds_(seconds), queue_(queue), memory_(queue == nullptr ? seconds : 0) {
  // What it reads has to be there before anything is recorded.
  if (taken() && queue_ != nullptr) weigh();
}

void Gap::take() {
  if (!taken()) return;
  if (queue_ == nullptr) return memory_.take();
  queue_->pause(seconds_);
}

void Gap::forget() noexcept {
  memory_.forget();
  count_ = 0;
}

void Gap::weigh() {
  if (!taken() || queue_ == nullptr) return;
  constexpr std::uint64_t kPauses = 32;
  constexpr std::size_t kBegin = SIZE_MAX - 3;
  constexpr std::size_t kEnd = SIZE_MAX - 2;
  queue_->pause(seconds_);
  queue_->mark(kBegin);
  for (std::uint64_t i = 0; i < kPauses; ++i) queue_->pause(seconds_);
  queue_->mark(kEnd);
  queue_->await();
  each_s_ = queue_->between(kBegin, kEnd) / static_cast<double>(kPauses);
}

double Gap::paused_s() const {
  return queue_ == nullptr ? memory_.paused_s() : static_cast<double>(count_) * each_s_;
}

double Gap::read_bytes() const {
  if (queue_ == nullptr || !taken()) return memory_.read_bytes();
  return static_cast<double>(count_) * queue_->pause_bytes(seconds_);
}

}  // namespace wiretax::bench
