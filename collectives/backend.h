#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "collectives/collective.h"
#include "collectives/element_type.h"

namespace wiretax::collectives {

/// How operations follow each other. chained: each uses the output of the one before, as decoding a
/// token does. pipelined: `depth` independent ones are in flight.
enum class Flow { kChained, kPipelined };

/// Who sends to whom in a send_recv: a message that visits the ranks in turn, so that a chain of
/// two is there and back; every even rank to the odd one behind it; or all to the next at once.
enum class Pattern { kPassedOn, kOneWay, kRing };

/// What to run. `bytes` is a multiple of ranks and element size where the collective needs parts.
struct Request {
  Operation operation = Operation::kAllReduce;
  ElementType type = ElementType::kBfloat16;
  std::uint64_t bytes = 0;
  bool in_place = false;
  Pattern pattern = Pattern::kPassedOn;  // of a send_recv; a pipelined one is not passed on
  Flow flow = Flow::kChained;
  int depth = 1;
};

/// An operation gave something else than its closed form says.
class DataMismatch : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A peer no longer acknowledges, or says that it cannot go on.
class PeerLost : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Nothing has come from a peer for too long.
class PeerSilent : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A request made ready: buffers allocated, nothing left to set up.
class Task {
 public:
  Task() = default;
  virtual ~Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  /// n operations on data that is a fixed point of the operation (zeros), so that no chain
  /// overflows.
  virtual void run(std::uint64_t n) = 0;
  /// One operation on fresh data, every element compared. Throws DataMismatch.
  virtual void check(std::uint64_t call) = 0;
};

/// What carries the operations: mpi, one_shot, later nccl.
class Backend {
 public:
  Backend() = default;
  virtual ~Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  [[nodiscard]] virtual std::string_view name() const = 0;
  /// Collective over the backend's ranks. Throws std::system_error or std::runtime_error.
  virtual std::unique_ptr<Task> prepare(const Request& request) = 0;
};

/// Fills a rank's input for a check, and compares its output. Throws DataMismatch with the element.
void fill_input(const Request& request, std::byte* input, std::uint64_t rank, std::uint64_t call,
                std::uint64_t ranks);
void verify_output(const Request& request, const std::byte* output, std::uint64_t rank,
                   std::uint64_t call, std::uint64_t ranks);

}  // namespace wiretax::collectives
