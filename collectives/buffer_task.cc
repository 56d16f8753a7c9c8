#include "collectives/buffer_task.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace wiretax::collectives {
namespace {

std::size_t in_flight(const Request& request) {
  return request.flow == Flow::kPipelined ? static_cast<std::size_t>(request.depth) : 1;
}

}  // namespace

BufferTask::BufferTask(const Request& request, std::uint64_t rank, std::uint64_t ranks)
    : request_(request),
      rank_(rank),
      ranks_(ranks),
      elements_(request.bytes / size_of(request.type)),
      position_{0, std::vector<Buffers>(in_flight(request))} {}

std::uint64_t BufferTask::memory_bytes(const Request& request) {
  return 2 * request.bytes * in_flight(request);
}

void BufferTask::use(std::span<std::byte> memory) {
  for (auto& slot : position_.buffers) {
    slot.source = memory.data();
    slot.target = slot.source + request_.bytes;
    memory = memory.subspan(2 * request_.bytes);
  }
}

void BufferTask::operate(std::size_t slot, std::uint64_t index) {
  start(slot, index);
  finish(slot);
}

void BufferTask::run(std::uint64_t n) {
  enqueue(n);
  await();
}

void BufferTask::enqueue(std::uint64_t n) {
  if (request_.flow == Flow::kPipelined) return enqueue_pipelined(n);
  for (std::uint64_t i = 0; i < n; ++i) chain(0, position_.next++);
}

/// One operation; afterwards its output is the source of the next.
void BufferTask::chain(std::size_t slot, std::uint64_t index) {
  operate(slot, index);
  auto& [source, target] = position_.buffers[slot];
  if (has_target() && receives(index)) std::swap(source, target);
}

void BufferTask::enqueue_pipelined(std::uint64_t n) {
  const auto depth =
      std::max<std::size_t>(position_.buffers.size(), 1);  // as clang's analyser cannot see
  for (std::uint64_t i = 0; i < n; ++i) {
    if (i >= depth) finish(i % depth);
    start(i % depth, position_.next++);
  }
  for (std::uint64_t i = n - std::min<std::uint64_t>(n, depth); i < n; ++i) finish(i % depth);
}

void BufferTask::check(std::uint64_t call) {
  // A message that is passed on visits every rank; each sends data of its own, to be told apart.
  // Wrong data is told only at the end, since the other ranks need this one for their turns.
  const std::uint64_t turns = passes_on() ? ranks_ : 1;
  auto& slot = position_.buffers.front();
  std::exception_ptr mismatch;
  for (std::uint64_t turn = 0; turn < turns; ++turn) {
    const auto index = passes_on() ? turn : call;
    settle();
    set(slot.target, 0xff, request_.bytes);
    if (!passes_on() || sends(index)) fill(slot.source + input_offset(), call);
    chain(0, index);
    await();
    try {
      if (receives(index)) verify(slot.source + output_offset(), call);
    } catch (const DataMismatch&) {
      mismatch = std::current_exception();
    }
  }
  settle();
  set(slot.source, 0, request_.bytes);
  set(slot.target, 0, request_.bytes);
  if (mismatch) std::rethrow_exception(mismatch);
}

std::byte* BufferTask::input(std::size_t slot) const {
  return position_.buffers.at(slot).source + input_offset();
}

std::byte* BufferTask::output(std::size_t slot) const {
  const auto& buffers = position_.buffers.at(slot);
  return (has_target() ? buffers.target : buffers.source) + output_offset();
}

/// A broadcast has one buffer only.
bool BufferTask::has_target() const {
  return !request_.in_place && request_.operation != Operation::kBroadcast;
}

bool BufferTask::passes_on() const {
  return request_.operation == Operation::kSendRecv && request_.pattern == Pattern::kPassedOn;
}

bool BufferTask::sends(std::uint64_t index) const {
  if (request_.pattern == Pattern::kRing) return true;
  if (passes_on()) return rank_ == turn_of(index);
  return rank_ % 2 == 0 && rank_ + 1 < ranks_;
}

bool BufferTask::receives(std::uint64_t index) const {
  if (request_.operation != Operation::kSendRecv || request_.pattern == Pattern::kRing) return true;
  if (passes_on()) return previous_rank() == turn_of(index);
  return rank_ % 2 == 1;
}

/// A chained all_gather out of place sends on the part that came from the next rank, so that every
/// operation needs what the one before received.
std::size_t BufferTask::input_offset() const {
  if (request_.operation != Operation::kAllGather) return 0;
  return (request_.in_place ? rank_ : next_rank()) * part_bytes();
}

std::size_t BufferTask::output_offset() const {
  if (request_.operation != Operation::kReduceScatter) return 0;
  return request_.in_place && scatters_to_front() ? 0 : rank_ * part_bytes();
}

}  // namespace wiretax::collectives
