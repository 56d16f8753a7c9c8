#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "collectives/backend.h"

namespace wiretax::collectives {

/// What tasks share whatever memory they are in: who sends when, where input and output lie,
/// chains, pipelines and checks. A backend supplies the memory and the operations.
class BufferTask : public Task {
 public:
  BufferTask(const Request& request, std::uint64_t rank, std::uint64_t ranks);

  void run(std::uint64_t n) override;
  void enqueue(std::uint64_t n) override;
  void check(std::uint64_t call) override;

  /// Memory for all operations in flight: each reads `source` and, out of place, writes `target`.
  [[nodiscard]] static std::uint64_t memory_bytes(const Request& request);

 protected:
  struct Buffers {
    std::byte* source = nullptr;
    std::byte* target = nullptr;  // in place the same
  };

  /// Of memory_bytes; zeroed, and outlives the task.
  void use(std::span<std::byte> memory);

  /// Access to that memory, in order with the operations, and done when they return.
  virtual void set(std::byte* memory, std::uint8_t value, std::size_t bytes) = 0;
  virtual void fill(std::byte* input, std::uint64_t call) = 0;
  virtual void verify(const std::byte* output, std::uint64_t call) = 0;

  /// Operation `index` in the buffers number `slot`: begun, and brought to its end.
  virtual void start(std::size_t slot, std::uint64_t index) = 0;
  virtual void finish(std::size_t slot) = 0;
  /// Both at once, where nothing else is in flight.
  virtual void operate(std::size_t slot, std::uint64_t index);
  /// Until what was enqueued is done.
  virtual void await() {}
  /// Until nothing in flight reads the buffers any more.
  virtual void settle() {}
  /// Where a reduce_scatter in place leaves its part: at the front as MPI does, or where it was.
  [[nodiscard]] virtual bool scatters_to_front() const { return true; }

  /// Where a task stands: enqueuing moves it on.
  struct Position {
    std::uint64_t next = 0;        // number of the next operation
    std::vector<Buffers> buffers;  // by slot
  };
  [[nodiscard]] const Position& position() const { return position_; }
  void move_to(Position position) { position_ = std::move(position); }

  [[nodiscard]] const Request& request() const { return request_; }
  [[nodiscard]] std::uint64_t rank() const { return rank_; }
  [[nodiscard]] std::uint64_t ranks() const { return ranks_; }
  [[nodiscard]] std::uint64_t elements() const { return elements_; }
  [[nodiscard]] std::uint64_t part() const { return elements_ / ranks_; }  // of one rank, elements
  [[nodiscard]] std::size_t part_bytes() const { return part() * size_of(request_.type); }
  [[nodiscard]] std::size_t slots() const { return position_.buffers.size(); }

  /// Where operation's input begins and where its output does.
  [[nodiscard]] std::byte* input(std::size_t slot) const;
  [[nodiscard]] std::byte* output(std::size_t slot) const;
  [[nodiscard]] const Buffers& buffers(std::size_t slot) const {
    return position_.buffers.at(slot);
  }

  [[nodiscard]] std::uint64_t next_rank() const { return (rank_ + 1) % ranks_; }
  [[nodiscard]] std::uint64_t previous_rank() const { return (rank_ + ranks_ - 1) % ranks_; }
  /// Whose turn it is: the root of a broadcast, the sender of a message that is passed on.
  [[nodiscard]] std::uint64_t turn_of(std::uint64_t index) const { return index % ranks_; }
  /// Whether this rank sends or receives in operation `index` of a send_recv.
  [[nodiscard]] bool sends(std::uint64_t index) const;
  [[nodiscard]] bool receives(std::uint64_t index) const;

 private:
  [[nodiscard]] bool has_target() const;
  [[nodiscard]] bool passes_on() const;
  [[nodiscard]] std::size_t input_offset() const;
  [[nodiscard]] std::size_t output_offset() const;
  void chain(std::size_t slot, std::uint64_t index);
  void enqueue_pipelined(std::uint64_t n);

  Request request_;
  std::uint64_t rank_;
  std::uint64_t ranks_;
  std::uint64_t elements_;
  Position position_;
};

}  // namespace wiretax::collectives
