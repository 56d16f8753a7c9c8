#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/harness/collective_body.h"
#include "bench/harness/runner.h"
#include "collectives/backend.h"

namespace wiretax::bench {

/// One token: this rank's part of a schedule, from the first message to the last.
class TokenBody : public Body {
 public:
  struct Step {
    std::shared_ptr<collectives::Task> task;  // equal messages share one; none: not this rank's
    std::uint64_t count = 0;
    bool repeats_alone = false;  // means the same outside the schedule
  };

  /// `watch` as CollectiveBody has it. With a queue a token is enqueued as a whole and awaited at
  /// its end, as engines do; with a graph it is one CUDA graph.
  TokenBody(std::vector<Step> steps, std::function<std::string()> watch, const Issue& issue);

  void run(std::uint64_t n) override;
  void begin_measuring() override;
  /// The steps' messages again, each kind by itself: what they cost now without the others.
  void look_again() override;
  void check() override;
  /// {"steps": [{"us", "first_us", "alone_us"}], "read_bytes", "paused_us", "growth"}: of a token;
  /// first_us is what a step's first message took; growth is what `watch` tells.
  std::string evidence() override;

 private:
  struct Times {
    double all_s = 0;
    double first_s = 0;
    double alone_s = 0;
  };
  void run_step(const Step& step, Times& times);
  void run_on_queue();
  void enqueue_steps();
  [[nodiscard]] std::function<void(std::uint64_t)> alone(const Step& step) const;

  std::vector<Step> steps_;
  std::vector<Times> times_;  // by step
  std::function<std::string()> watch_;
  Issue issue_;
  Gap gap_;
  std::unique_ptr<collectives::Queue::Recording> recording_;
  std::uint64_t pauses_ = 0;  // of this rank in a token
  std::uint64_t tokens_ = 0;
};

}  // namespace wiretax::bench
