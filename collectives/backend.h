#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
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
  int graph = 0;  // operations in one CUDA graph; 0: each is launched by itself
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

/// A library that the backend calls says no, with its words.
class LibraryError : public std::runtime_error {
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
  /// overflows. A multiple of request.graph, where there is one.
  virtual void run(std::uint64_t n) = 0;
  /// The same, but they may still go on when it returns: until the backend's queue is awaited.
  virtual void enqueue(std::uint64_t n) { run(n); }
  /// One operation on fresh data, every element compared. Throws DataMismatch.
  virtual void check(std::uint64_t call) = 0;
};

/// Where operations of all tasks of a process go on, in order, after they were enqueued: a GPU's
/// stream.
class Queue {
 public:
  /// Work that was recorded once, and is enqueued again as a whole.
  class Recording {
   public:
    Recording() = default;
    virtual ~Recording() = default;
    Recording(const Recording&) = delete;
    Recording& operator=(const Recording&) = delete;
    virtual void enqueue() = 0;
  };

  Queue() = default;
  virtual ~Queue() = default;
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  /// Until everything is done. Throws as tasks do.
  virtual void await() = 0;
  /// What `work` enqueues, as one: a CUDA graph. Throws std::runtime_error where it cannot be.
  virtual std::unique_ptr<Recording> record(const std::function<void()>& work) = 0;
  /// A moment in the order of the queue, with a number of the caller's.
  virtual void mark(std::size_t number) = 0;
  /// Seconds between two of them, when they have passed.
  [[nodiscard]] virtual double between(std::size_t begin, std::size_t end) = 0;
  /// A pause in which memory is read, of about so many seconds, as computing takes.
  virtual void pause(double seconds) = 0;
  /// Bytes that one such pause reads.
  [[nodiscard]] virtual double pause_bytes(double seconds) = 0;
};

/// What carries the operations: mpi, one_shot, nccl.
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
