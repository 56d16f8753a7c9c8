#include "bench/harness/token_body.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "bench/harness/clock.h"
#include "bench/harness/collective_body.h"
#include "report/units.h"

namespace wiretax::bench {
namespace {

using Json = nlohmann::json;

}  // namespace

TokenBody::TokenBody(std::vector<Step> steps, std::function<std::string()> watch,
                     const Issue& issue)
    : steps_(std::move(steps)),
      times_(steps_.size()),
      watch_(std::move(watch)),
      issue_(issue),
      gap_(issue.gap_s, issue.queue) {
  for (const auto& step : steps_) pauses_ += step.task ? step.count : 0;
  if (issue_.queue == nullptr) return;
  // Marks are made before they are recorded.
  for (std::size_t i = 0; i <= 2 * steps_.size(); ++i) issue_.queue->mark(i);
}

void TokenBody::begin_measuring() {
  std::ranges::fill(times_, Times{});
  gap_.forget();
  tokens_ = 0;
}

void TokenBody::run(std::uint64_t n) {
  try {
    for (std::uint64_t token = 0; token < n; ++token) {
      if (issue_.queue != nullptr) {
        run_on_queue();
        continue;
      }
      for (std::size_t i = 0; i < steps_.size(); ++i) {
        if (steps_[i].task) run_step(steps_[i], times_[i]);
      }
    }
  } catch (const std::exception& error) {
    throw Failure(collectives_failure(error));
  }
  tokens_ += n;
}

/// Its times are without the pauses.
void TokenBody::run_step(const Step& step, Times& times) {
  const double paused_s = gap_.paused_s();
  const double begin_s = now_s();
  step.task->run(1);
  const double first_s = now_s() - begin_s;
  gap_.take();
  for (std::uint64_t i = 1; i < step.count; ++i) {
    step.task->run(1);
    gap_.take();
  }
  times.first_s += first_s;
  times.all_s += now_s() - begin_s - (gap_.paused_s() - paused_s);
}

/// Step i begins at mark 2i, its first message has ended at mark 2i + 1; the next begins where it
/// ends.
void TokenBody::run_on_queue() {
  auto& queue = *issue_.queue;
  if (issue_.graph > 0) {
    if (!recording_) recording_ = queue.record([this] { enqueue_steps(); });
    recording_->enqueue();
  } else {
    enqueue_steps();
  }
  queue.await();
  gap_.count(pauses_);
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    times_[i].first_s += queue.between(2 * i, 2 * i + 1);
    times_[i].all_s += queue.between(2 * i, 2 * i + 2);
  }
}

void TokenBody::enqueue_steps() {
  auto& queue = *issue_.queue;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const auto& step = steps_[i];
    queue.mark(2 * i);
    if (step.task) step.task->enqueue(1);
    queue.mark(2 * i + 1);
    if (!step.task) continue;
    gap_.take();
    for (std::uint64_t message = 1; message < step.count; ++message) {
      step.task->enqueue(1);
      gap_.take();
    }
  }
  queue.mark(2 * steps_.size());
}

void TokenBody::look_again() {
  // A part of what was measured, so that it takes a part of its time; the same on all ranks.
  constexpr std::uint64_t kPart = 4;
  const auto tokens = tokens_ / kPart + 1;
  try {
    gap_.weigh();
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const auto& step = steps_[i];
      if (!step.task || !step.repeats_alone) continue;
      const auto run = alone(step);
      run(1);  // warm again
      const double begin_s = now_s();
      run(tokens);
      times_[i].alone_s = (now_s() - begin_s) / static_cast<double>(tokens);
    }
  } catch (const std::exception& error) {
    throw Failure(collectives_failure(error));
  }
}

/// A step's messages of so many tokens, without the other steps.
std::function<void(std::uint64_t)> TokenBody::alone(const Step& step) const {
  if (issue_.queue == nullptr || issue_.graph == 0) {
    return [&step](std::uint64_t tokens) { step.task->run(tokens * step.count); };
  }
  const std::shared_ptr<collectives::Queue::Recording> recording =
      issue_.queue->record([&step] { step.task->enqueue(step.count); });
  return [recording, queue = issue_.queue](std::uint64_t tokens) {
    for (std::uint64_t token = 0; token < tokens; ++token) recording->enqueue();
    queue->await();
  };
}

void TokenBody::check() {
  std::set<const collectives::Task*> checked;
  for (const auto& step : steps_) {
    if (step.task && checked.insert(step.task.get()).second) check_twice(*step.task);
  }
}

std::string TokenBody::evidence() {
  const auto tokens = static_cast<double>(std::max<std::uint64_t>(tokens_, 1));
  Json steps = Json::array();
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const auto& times = times_[i];
    // On a queue the pauses are between the marks.
    double paused_s = 0;
    if (issue_.queue != nullptr && steps_[i].task && gap_.taken()) {
      paused_s = gap_.each_s() * static_cast<double>(steps_[i].count);
    }
    steps.push_back({{"us", (times.all_s / tokens - paused_s) / kMicrosecond},
                     {"first_us", times.first_s / tokens / kMicrosecond},
                     {"alone_us", times.alone_s / kMicrosecond}});
  }
  return Json{{"steps", std::move(steps)},
              {"read_bytes", gap_.read_bytes()},
              {"paused_us", gap_.paused_s() / tokens / kMicrosecond},
              {"pausing_s", gap_.paused_s()},
              {"growth", watch_()}}
      .dump();
}

}  // namespace wiretax::bench
