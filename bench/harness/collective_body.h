#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "bench/harness/gap.h"
#include "bench/harness/runner.h"
#include "collectives/backend.h"

namespace wiretax::bench {

/// How the operations of a body are issued.
struct Issue {
  collectives::Queue* queue = nullptr;  // where the backend has one
  int graph = 0;                        // operations in a CUDA graph, or 0
  double gap_s = 0;                     // a pause that reads memory behind each
};

/// One operation of a backend.
class CollectiveBody : public Body {
 public:
  /// `watch` tells what counters grew by since then, as JSON text. The task's own graph is for a
  /// body without pauses.
  CollectiveBody(std::unique_ptr<collectives::Task> task, std::function<std::string()> watch,
                 const Issue& issue = {});

  void run(std::uint64_t n) override;
  [[nodiscard]] std::uint64_t quantum() const override;
  void begin_measuring() override;
  void look_again() override;
  void check() override;
  /// {"growth", "operations", "paused_us", "read_bytes", "pausing_s"}: growth is what `watch`
  /// tells, operations how many there were since it began; pauses as TokenBody has them.
  std::string evidence() override;

 private:
  void run_with_pauses(std::uint64_t n);
  void enqueue_with_pauses(std::uint64_t n);

  std::unique_ptr<collectives::Task> task_;
  std::function<std::string()> watch_;
  Issue issue_;
  Gap gap_;
  std::unique_ptr<collectives::Queue::Recording> recording_;
  std::uint64_t all_ = 0;       // since watch_ began
  std::uint64_t measured_ = 0;  // since begin_measuring
};

/// Two calls on fresh data, both ways through the buffers. A rank with wrong data goes through with
/// them, since the other ranks need it. Throws Failure.
void check_twice(collectives::Task& task);

/// The failure that an exception of a backend stands for.
Failure collectives_failure(const std::exception& error);

/// Runs what calls a backend. Throws Failure.
template <typename Action>
auto with_codes_of_backends(Action action) {
  try {
    return action();
  } catch (const std::exception& error) {
    throw Failure(collectives_failure(error));
  }
}

}  // namespace wiretax::bench
