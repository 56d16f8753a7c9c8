#include "bench/harness/collective_body.h"

#include <optional>
#include <utility>

namespace wiretax::bench {

Failure collectives_failure(const std::exception& error) {
  if (dynamic_cast<const collectives::DataMismatch*>(&error) != nullptr) {
    return {ExitCode::kDataMismatch, error.what()};
  }
  if (dynamic_cast<const collectives::PeerLost*>(&error) != nullptr) {
    return {ExitCode::kPeer, error.what()};
  }
  if (dynamic_cast<const collectives::PeerSilent*>(&error) != nullptr) {
    return {ExitCode::kTimeout, error.what()};
  }
  return as_failure(error);
}

CollectiveBody::CollectiveBody(std::unique_ptr<collectives::Task> task,
                               std::function<std::string()> watch)
    : task_(std::move(task)), watch_(std::move(watch)) {}

void CollectiveBody::run(std::uint64_t n) {
  try {
    task_->run(n);
  } catch (const std::exception& error) {
    throw Failure(collectives_failure(error));
  }
}

void CollectiveBody::check() { check_twice(*task_); }

void check_twice(collectives::Task& task) {
  constexpr std::uint64_t kCalls = 2;
  std::optional<Failure> first;
  for (std::uint64_t call = 0; call < kCalls; ++call) {
    try {
      task.check(call);
    } catch (const collectives::DataMismatch& mismatch) {
      if (!first) first = collectives_failure(mismatch);
    } catch (const std::exception& error) {
      throw Failure(collectives_failure(error));
    }
  }
  if (first) throw Failure(*first);
}

}  // namespace wiretax::bench
