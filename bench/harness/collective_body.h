#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "bench/harness/runner.h"
#include "collectives/backend.h"

namespace wiretax::bench {

/// One operation of a backend.
class CollectiveBody : public Body {
 public:
  /// `watch` tells what counters grew by since then, as JSON text.
  CollectiveBody(std::unique_ptr<collectives::Task> task, std::function<std::string()> watch);

  void run(std::uint64_t n) override;
  void check() override;
  std::string evidence() override { return watch_(); }

 private:
  std::unique_ptr<collectives::Task> task_;
  std::function<std::string()> watch_;
};

/// Two calls on fresh data, both ways through the buffers. A rank with wrong data goes through with
/// them, since the other ranks need it. Throws Failure.
void check_twice(collectives::Task& task);

/// The failure that an exception of a backend stands for.
Failure collectives_failure(const std::exception& error);

}  // namespace wiretax::bench
