#include "collectives/backends/mpi.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <exception>
#include <limits>
#include <utility>
#include <vector>

namespace wiretax::collectives {
namespace {

void check_mpi(int result, const char* call) {
  if (result == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(result, text.data(), &length);
  throw std::runtime_error(fmt::format("{}: {}", call, text.data()));
}

template <void (*Add)(std::span<const std::uint16_t>, std::span<std::uint16_t>)>
void reduce(void* in, void* in_out, int* length, MPI_Datatype* /*type*/) {
  const auto count = static_cast<std::size_t>(*length);
  Add({static_cast<const std::uint16_t*>(in), count}, {static_cast<std::uint16_t*>(in_out), count});
}

/// Two buffers of the whole size: an operation reads `source` and, out of place, writes `target`.
struct Buffers {
  std::vector<std::byte> source;
  std::vector<std::byte> target;
  std::array<MPI_Request, 2> requests = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
};

class MpiTask : public Task {
 public:
  MpiTask(MPI_Comm communicator, MPI_Op sum, const Request& request)
      : communicator_(communicator), sum_(sum), request_(request) {
    MPI_Comm_rank(communicator_, &rank_);
    MPI_Comm_size(communicator_, &ranks_);
    const auto elements = request.bytes / size_of(request.type);
    if (elements > static_cast<std::uint64_t>(std::numeric_limits<int>::max())) {
      throw std::runtime_error(
          fmt::format("{} bytes are more elements than one MPI call can count", request.bytes));
    }
    type_ = request.type == ElementType::kFloat32 ? MPI_FLOAT : MPI_UINT16_T;
    elements_ = static_cast<int>(elements);
    part_ = elements_ / ranks_;
    part_bytes_ = static_cast<std::size_t>(part_) * size_of(request.type);
    slots_.resize(request.flow == Flow::kPipelined ? static_cast<std::size_t>(request.depth) : 1);
    for (auto& slot : slots_) {
      slot.source.resize(request.bytes);
      slot.target.resize(request.bytes);
    }
  }

  void run(std::uint64_t n) override {
    if (request_.flow == Flow::kPipelined) return run_pipelined(n);
    for (std::uint64_t i = 0; i < n; ++i) step(next_++);
  }

  void check(std::uint64_t call) override {
    auto& slot = slots_.front();
    // A message that is passed on visits every rank; each sends data of its own, to be told apart.
    // Wrong data is told only at the end, since the other ranks need this one for their turns.
    const int turns = passes_on() ? ranks_ : 1;
    std::exception_ptr mismatch;
    for (int turn = 0; turn < turns; ++turn) {
      const auto index = passes_on() ? static_cast<std::uint64_t>(turn) : call;
      std::memset(slot.target.data(), 0xff, slot.target.size());
      if (!passes_on() || sends(index)) fill(slot, call);
      if (request_.flow == Flow::kPipelined) {
        start(slot, index);
        wait(slot);
        if (has_target()) std::swap(slot.source, slot.target);
      } else {
        step(index);
      }
      try {
        if (receives(index)) verify(slot, call);
      } catch (const DataMismatch&) {
        mismatch = std::current_exception();
      }
    }
    for (auto* buffer : {&slot.source, &slot.target})
      std::memset(buffer->data(), 0, buffer->size());
    if (mismatch) std::rethrow_exception(mismatch);
  }

 private:
  /// MPI's broadcast knows one buffer only.
  [[nodiscard]] bool has_target() const {
    return !request_.in_place && request_.operation != Operation::kBroadcast;
  }
  [[nodiscard]] bool passes_on() const {
    return request_.operation == Operation::kSendRecv && !request_.ring &&
           request_.flow == Flow::kChained;
  }
  [[nodiscard]] int turn_of(std::uint64_t index) const {
    return static_cast<int>(index % static_cast<std::uint64_t>(ranks_));
  }
  [[nodiscard]] int next_rank() const { return (rank_ + 1) % ranks_; }
  [[nodiscard]] int previous_rank() const { return (rank_ + ranks_ - 1) % ranks_; }
  /// Whether this rank sends in operation `index` of a send_recv.
  [[nodiscard]] bool sends(std::uint64_t index) const {
    if (request_.ring) return true;
    if (passes_on()) return rank_ == turn_of(index);
    return rank_ % 2 == 0 && rank_ + 1 < ranks_;
  }
  [[nodiscard]] bool receives(std::uint64_t index) const {
    if (request_.operation != Operation::kSendRecv || request_.ring) return true;
    if (passes_on()) return previous_rank() == turn_of(index);
    return rank_ % 2 == 1;
  }

  /// Where this rank's input lies in the source. A chained all_gather out of place sends on the
  /// part that came from the next rank, so that every operation needs what the one before received.
  [[nodiscard]] std::size_t input_offset() const {
    if (request_.operation != Operation::kAllGather) return 0;
    return static_cast<std::size_t>(request_.in_place ? rank_ : next_rank()) * part_bytes_;
  }
  /// Where its output lies, in the source again after the buffers changed places.
  [[nodiscard]] std::size_t output_offset() const {
    if (request_.operation != Operation::kReduceScatter || request_.in_place) return 0;
    return static_cast<std::size_t>(rank_) * part_bytes_;
  }

  void fill(Buffers& slot, std::uint64_t call) const {
    fill_input(request_, slot.source.data() + input_offset(), static_cast<std::uint64_t>(rank_),
               call, static_cast<std::uint64_t>(ranks_));
  }
  void verify(const Buffers& slot, std::uint64_t call) const {
    verify_output(request_, slot.source.data() + output_offset(), static_cast<std::uint64_t>(rank_),
                  call, static_cast<std::uint64_t>(ranks_));
  }

  /// One blocking operation; afterwards its output is the source of the next.
  void step(std::uint64_t index) {
    auto& slot = slots_.front();
    const bool in_place = request_.in_place;
    auto* const source = slot.source.data();
    auto* const target = in_place ? source : slot.target.data();
    const void* const input = in_place ? MPI_IN_PLACE : source + input_offset();
    switch (request_.operation) {
      case Operation::kAllReduce:
        check_mpi(MPI_Allreduce(input, target, elements_, type_, sum_, communicator_),
                  "MPI_Allreduce");
        break;
      case Operation::kAllGather:
        check_mpi(MPI_Allgather(input, part_, type_, target, part_, type_, communicator_),
                  "MPI_Allgather");
        break;
      case Operation::kReduceScatter:
        check_mpi(MPI_Reduce_scatter_block(input, target + output_offset(), part_, type_, sum_,
                                           communicator_),
                  "MPI_Reduce_scatter_block");
        break;
      case Operation::kBroadcast:
        check_mpi(MPI_Bcast(source, elements_, type_, turn_of(index), communicator_), "MPI_Bcast");
        return;
      case Operation::kSendRecv:
        return send_recv(slot, index);
      case Operation::kAllToAll:
        check_mpi(MPI_Alltoall(input, part_, type_, target, part_, type_, communicator_),
                  "MPI_Alltoall");
        break;
    }
    if (!in_place) std::swap(slot.source, slot.target);
  }

  void send_recv(Buffers& slot, std::uint64_t index) const {
    auto* const source = slot.source.data();
    if (request_.ring) {
      check_mpi(
          MPI_Sendrecv(source, elements_, type_, next_rank(), kTag, slot.target.data(), elements_,
                       type_, previous_rank(), kTag, communicator_, MPI_STATUS_IGNORE),
          "MPI_Sendrecv");
      std::swap(slot.source, slot.target);
    } else if (sends(index)) {
      check_mpi(MPI_Send(source, elements_, type_, next_rank(), kTag, communicator_), "MPI_Send");
    } else if (receives(index)) {
      check_mpi(MPI_Recv(slot.target.data(), elements_, type_, previous_rank(), kTag, communicator_,
                         MPI_STATUS_IGNORE),
                "MPI_Recv");
      std::swap(slot.source, slot.target);
    }
  }

  void run_pipelined(std::uint64_t n) {
    const auto depth = static_cast<std::uint64_t>(slots_.size());
    for (std::uint64_t i = 0; i < n; ++i) {
      auto& slot = slots_[i % depth];
      wait(slot);
      start(slot, next_++);
    }
    for (auto& slot : slots_) wait(slot);
  }

  static void wait(Buffers& slot) {
    check_mpi(MPI_Waitall(2, slot.requests.data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
  }

  /// Starts one operation from the slot's source to its target.
  void start(Buffers& slot, std::uint64_t index) const {
    auto* const source = slot.source.data();
    auto* const target = request_.in_place ? source : slot.target.data();
    const void* const input = request_.in_place ? MPI_IN_PLACE : source + input_offset();
    auto* const request = slot.requests.data();
    switch (request_.operation) {
      case Operation::kAllReduce:
        return check_mpi(
            MPI_Iallreduce(input, target, elements_, type_, sum_, communicator_, request),
            "MPI_Iallreduce");
      case Operation::kAllGather:
        return check_mpi(
            MPI_Iallgather(input, part_, type_, target, part_, type_, communicator_, request),
            "MPI_Iallgather");
      case Operation::kReduceScatter:
        return check_mpi(MPI_Ireduce_scatter_block(input, target + output_offset(), part_, type_,
                                                   sum_, communicator_, request),
                         "MPI_Ireduce_scatter_block");
      case Operation::kBroadcast:
        return check_mpi(
            MPI_Ibcast(source, elements_, type_, turn_of(index), communicator_, request),
            "MPI_Ibcast");
      case Operation::kSendRecv:
        return start_send_recv(slot, index);
      case Operation::kAllToAll:
        return check_mpi(
            MPI_Ialltoall(input, part_, type_, target, part_, type_, communicator_, request),
            "MPI_Ialltoall");
    }
  }

  void start_send_recv(Buffers& slot, std::uint64_t index) const {
    if (receives(index)) {
      check_mpi(MPI_Irecv(slot.target.data(), elements_, type_, previous_rank(), kTag,
                          communicator_, &slot.requests[0]),
                "MPI_Irecv");
    }
    if (sends(index)) {
      check_mpi(MPI_Isend(slot.source.data(), elements_, type_, next_rank(), kTag, communicator_,
                          &slot.requests[1]),
                "MPI_Isend");
    }
  }

  static constexpr int kTag = 7;

  MPI_Comm communicator_;
  MPI_Op sum_;
  Request request_;
  MPI_Datatype type_ = MPI_FLOAT;
  int rank_ = 0;
  int ranks_ = 1;
  int elements_ = 0;
  int part_ = 0;  // elements of one rank's share
  std::size_t part_bytes_ = 0;
  std::uint64_t next_ = 0;  // number of the next operation: whose turn it is to send
  std::vector<Buffers> slots_;
};

}  // namespace

MpiBackend::MpiBackend(MPI_Comm communicator) {
  check_mpi(MPI_Comm_dup(communicator, &communicator_), "MPI_Comm_dup");
  constexpr int kCommutative = 1;
  check_mpi(MPI_Op_create(reduce<add_bfloat16>, kCommutative, &add_bfloat16_), "MPI_Op_create");
  check_mpi(MPI_Op_create(reduce<add_float16>, kCommutative, &add_float16_), "MPI_Op_create");
}

MpiBackend::~MpiBackend() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (finalized != 0) return;
  // The communicator stays: freeing it waits for every rank, and one may be lost.
  MPI_Op_free(&add_bfloat16_);
  MPI_Op_free(&add_float16_);
}

std::unique_ptr<Task> MpiBackend::prepare(const Request& request) {
  MPI_Op sum = MPI_SUM;
  if (request.type == ElementType::kBfloat16) sum = add_bfloat16_;
  if (request.type == ElementType::kFloat16) sum = add_float16_;
  return std::make_unique<MpiTask>(communicator_, sum, request);
}

}  // namespace wiretax::collectives
