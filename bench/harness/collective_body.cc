#include "bench/harness/collective_body.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "report/units.h"

namespace wiretax::bench {
namespace {

using Json = nlohmann::json;

}  // namespace

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
  if (dynamic_cast<const collectives::LibraryError*>(&error) != nullptr) {
    return {ExitCode::kEnvironment, error.what()};
  }
  if (dynamic_cast<const std::invalid_argument*>(&error) != nullptr) {
    return {ExitCode::kUsage, error.what()};
  }
  return as_failure(error);
}

CollectiveBody::CollectiveBody(std::unique_ptr<collectives::Task> task,
                               std::function<std::string()> watch, const Issue& issue)
    : task_(std::move(task)),
      watch_(std::move(watch)),
      issue_(issue),
      gap_(issue.gap_s, issue.queue) {}

std::uint64_t CollectiveBody::quantum() const {
  return static_cast<std::uint64_t>(std::max(issue_.graph, 1));
}

void CollectiveBody::run(std::uint64_t n) {
  with_codes_of_backends([&] { gap_.taken() ? run_with_pauses(n) : task_->run(n); });
  all_ += n;
  measured_ += n;
}

void CollectiveBody::run_with_pauses(std::uint64_t n) {
  if (issue_.queue == nullptr) return enqueue_with_pauses(n);
  gap_.count(n);
  if (issue_.graph == 0) {
    enqueue_with_pauses(n);
  } else {
    if (!recording_) {
      recording_ = issue_.queue->record([this] { enqueue_with_pauses(quantum()); });
    }
    for (std::uint64_t i = 0; i < n; i += quantum()) recording_->enqueue();
  }
  issue_.queue->await();
}

void CollectiveBody::enqueue_with_pauses(std::uint64_t n) {
  for (std::uint64_t i = 0; i < n; ++i) {
    task_->enqueue(1);
    gap_.take();
  }
}

void CollectiveBody::begin_measuring() {
  gap_.forget();
  measured_ = 0;
}

void CollectiveBody::look_again() {
  with_codes_of_backends([&] { gap_.weigh(); });
}

std::string CollectiveBody::evidence() {
  Json json = {{"growth", watch_()}, {"operations", all_}};
  if (gap_.taken()) {
    const auto measured = static_cast<double>(std::max<std::uint64_t>(measured_, 1));
    json["paused_us"] = gap_.paused_s() / measured / kMicrosecond;
    json["read_bytes"] = gap_.read_bytes();
    json["pausing_s"] = gap_.paused_s();
  }
  return json.dump();
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
