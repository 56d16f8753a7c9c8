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

TokenBody::TokenBody(std::vector<Step> steps, double pause_s, std::function<std::string()> watch)
    : steps_(std::move(steps)), times_(steps_.size()), pause_(pause_s), watch_(std::move(watch)) {}

void TokenBody::begin_measuring() {
  std::ranges::fill(times_, Times{});
  pause_.forget();
  tokens_ = 0;
}

void TokenBody::run(std::uint64_t n) {
  try {
    for (std::uint64_t token = 0; token < n; ++token) {
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
  const double paused_s = pause_.paused_s();
  const double begin_s = now_s();
  step.task->run(1);
  const double first_s = now_s() - begin_s;
  pause_.take();
  for (std::uint64_t i = 1; i < step.count; ++i) {
    step.task->run(1);
    pause_.take();
  }
  times.first_s += first_s;
  times.all_s += now_s() - begin_s - (pause_.paused_s() - paused_s);
}

void TokenBody::look_again() {
  // A part of what was measured, so that it takes a part of its time; the same on all ranks.
  constexpr std::uint64_t kPart = 4;
  const auto tokens = tokens_ / kPart + 1;
  try {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const auto& step = steps_[i];
      if (!step.task || !step.repeats_alone) continue;
      step.task->run(step.count);  // warm again
      const double begin_s = now_s();
      step.task->run(tokens * step.count);
      times_[i].alone_s = (now_s() - begin_s) / static_cast<double>(tokens);
    }
  } catch (const std::exception& error) {
    throw Failure(collectives_failure(error));
  }
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
  for (const auto& times : times_) {
    steps.push_back({{"us", times.all_s / tokens / kMicrosecond},
                     {"first_us", times.first_s / tokens / kMicrosecond},
                     {"alone_us", times.alone_s / kMicrosecond}});
  }
  return Json{{"steps", std::move(steps)},
              {"read_bytes", pause_.read_bytes()},
              {"paused_us", pause_.paused_s() / tokens / kMicrosecond},
              {"pausing_s", pause_.paused_s()},
              {"growth", watch_()}}
      .dump();
}

}  // namespace wiretax::bench
