#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "collectives/backend.h"

namespace wiretax::collectives {

/// What tasks on host memory share: who sends when, where input and output lie, chains, pipelines
/// and checks. A backend supplies the memory and the operations.
class HostTask : public Task {
 public:
  HostTask(const Request& request, std::uint64_t rank, std::uint64_t ranks);

  void run(std::uint64_t n) override;
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

  /// Operation `index` in the buffers number `slot`: begun, and brought to its end.
  virtual void start(std::size_t slot, std::uint64_t index) = 0;
  virtual void finish(std::size_t slot) = 0;
  /// Both at once, where nothing else is in flight.
  virtual void operate(std::size_t slot, std::uint64_t index);
  /// Until nothing in flight reads the buffers any more.
  virtual void settle() {}

  [[nodiscard]] const Request& request() const { return request_; }
  [[nodiscard]] std::uint64_t rank() const { return rank_; }
  [[nodiscard]] std::uint64_t ranks() const { return ranks_; }
  [[nodiscard]] std::uint64_t elements() const { return elements_; }
  [[nodiscard]] std::uint64_t part() const { return elements_ / ranks_; }  // of one rank, elements
  [[nodiscard]] std::size_t part_bytes() const { return part() * size_of(request_.type); }
  [[nodiscard]] std::size_t slots() const { return buffers_.size(); }

  /// Where operation's input begins and where its output does.
  [[nodiscard]] std::byte* input(std::size_t slot) const;
  [[nodiscard]] std::byte* output(std::size_t slot) const;
  [[nodiscard]] const Buffers& buffers(std::size_t slot) const { return buffers_.at(slot); }

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
  void run_pipelined(std::uint64_t n);

  Request request_;
  std::uint64_t rank_;
  std::uint64_t ranks_;
  std::uint64_t elements_;
  std::uint64_t next_ = 0;  // number of the next operation
  std::vector<Buffers> buffers_;
};

}  // namespace wiretax::collectives
