#include "collectives/backends/mpi.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <vector>

#include "collectives/host_task.h"

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

std::uint64_t rank_in(MPI_Comm communicator) {
  int rank = 0;
  MPI_Comm_rank(communicator, &rank);
  return static_cast<std::uint64_t>(rank);
}

std::uint64_t size_of_group(MPI_Comm communicator) {
  int ranks = 0;
  MPI_Comm_size(communicator, &ranks);
  return static_cast<std::uint64_t>(ranks);
}

class MpiTask : public HostTask {
 public:
  MpiTask(MPI_Comm communicator, MPI_Op sum, const Request& request)
      : HostTask(request, rank_in(communicator), size_of_group(communicator)),
        communicator_(communicator),
        sum_(sum),
        memory_(memory_bytes(request)),
        requests_(slots(), {MPI_REQUEST_NULL, MPI_REQUEST_NULL}) {
    if (elements() > static_cast<std::uint64_t>(std::numeric_limits<int>::max())) {
      throw std::runtime_error(
          fmt::format("{} bytes are more elements than one MPI call can count", request.bytes));
    }
    type_ = request.type == ElementType::kFloat32 ? MPI_FLOAT : MPI_UINT16_T;
    count_ = static_cast<int>(elements());
    part_count_ = static_cast<int>(part());
    use(memory_);
  }

 protected:
  /// MPI's blocking calls are faster than begun and awaited ones.
  void operate(std::size_t slot, std::uint64_t index) override {
    if (request().flow == Flow::kPipelined) return HostTask::operate(slot, index);
    auto* const target = output(slot);
    const void* const source = source_of(slot);
    switch (request().operation) {
      case Operation::kAllReduce:
        return check_mpi(MPI_Allreduce(source, target, count_, type_, sum_, communicator_),
                         "MPI_Allreduce");
      case Operation::kAllGather:
        return check_mpi(
            MPI_Allgather(source, part_count_, type_, target, part_count_, type_, communicator_),
            "MPI_Allgather");
      case Operation::kReduceScatter:
        return check_mpi(
            MPI_Reduce_scatter_block(source, target, part_count_, type_, sum_, communicator_),
            "MPI_Reduce_scatter_block");
      case Operation::kBroadcast:
        return check_mpi(MPI_Bcast(buffers(slot).source, count_, type_, root(index), communicator_),
                         "MPI_Bcast");
      case Operation::kSendRecv:
        return send_recv(slot, index);
      case Operation::kAllToAll:
        return check_mpi(
            MPI_Alltoall(source, part_count_, type_, target, part_count_, type_, communicator_),
            "MPI_Alltoall");
    }
  }

  void start(std::size_t slot, std::uint64_t index) override {
    auto* const target = output(slot);
    const void* const source = source_of(slot);
    auto* const request_of_slot = requests_[slot].data();
    switch (request().operation) {
      case Operation::kAllReduce:
        return check_mpi(
            MPI_Iallreduce(source, target, count_, type_, sum_, communicator_, request_of_slot),
            "MPI_Iallreduce");
      case Operation::kAllGather:
        return check_mpi(MPI_Iallgather(source, part_count_, type_, target, part_count_, type_,
                                        communicator_, request_of_slot),
                         "MPI_Iallgather");
      case Operation::kReduceScatter:
        return check_mpi(MPI_Ireduce_scatter_block(source, target, part_count_, type_, sum_,
                                                   communicator_, request_of_slot),
                         "MPI_Ireduce_scatter_block");
      case Operation::kBroadcast:
        return check_mpi(MPI_Ibcast(buffers(slot).source, count_, type_, root(index), communicator_,
                                    request_of_slot),
                         "MPI_Ibcast");
      case Operation::kSendRecv:
        return start_send_recv(slot, index);
      case Operation::kAllToAll:
        return check_mpi(MPI_Ialltoall(source, part_count_, type_, target, part_count_, type_,
                                       communicator_, request_of_slot),
                         "MPI_Ialltoall");
    }
  }

  void finish(std::size_t slot) override {
    check_mpi(MPI_Waitall(2, requests_[slot].data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
  }

 private:
  [[nodiscard]] const void* source_of(std::size_t slot) const {
    return request().in_place ? MPI_IN_PLACE : input(slot);
  }
  [[nodiscard]] int root(std::uint64_t index) const { return static_cast<int>(turn_of(index)); }
  [[nodiscard]] int next() const { return static_cast<int>(next_rank()); }
  [[nodiscard]] int previous() const { return static_cast<int>(previous_rank()); }

  void send_recv(std::size_t slot, std::uint64_t index) const {
    const auto& [source, target] = buffers(slot);
    if (request().pattern == Pattern::kRing) {
      check_mpi(MPI_Sendrecv(source, count_, type_, next(), kTag, target, count_, type_, previous(),
                             kTag, communicator_, MPI_STATUS_IGNORE),
                "MPI_Sendrecv");
    } else if (sends(index)) {
      check_mpi(MPI_Send(source, count_, type_, next(), kTag, communicator_), "MPI_Send");
    } else if (receives(index)) {
      check_mpi(MPI_Recv(target, count_, type_, previous(), kTag, communicator_, MPI_STATUS_IGNORE),
                "MPI_Recv");
    }
  }

  void start_send_recv(std::size_t slot, std::uint64_t index) {
    const auto& [source, target] = buffers(slot);
    if (receives(index)) {
      check_mpi(
          MPI_Irecv(target, count_, type_, previous(), kTag, communicator_, &requests_[slot][0]),
          "MPI_Irecv");
    }
    if (sends(index)) {
      check_mpi(MPI_Isend(source, count_, type_, next(), kTag, communicator_, &requests_[slot][1]),
                "MPI_Isend");
    }
  }

  static constexpr int kTag = 7;

  MPI_Comm communicator_;
  MPI_Op sum_;
  std::vector<std::byte> memory_;
  std::vector<std::array<MPI_Request, 2>> requests_;  // by slot
  MPI_Datatype type_ = MPI_FLOAT;
  int count_ = 0;
  int part_count_ = 0;  // of one rank's share
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

std::uint64_t MpiBackend::memory_bytes(const Request& request) {
  return HostTask::memory_bytes(request);
}

std::unique_ptr<Task> MpiBackend::prepare(const Request& request) {
  MPI_Op sum = MPI_SUM;
  if (request.type == ElementType::kBfloat16) sum = add_bfloat16_;
  if (request.type == ElementType::kFloat16) sum = add_float16_;
  return std::make_unique<MpiTask>(communicator_, sum, request);
}

}  // namespace wiretax::collectives
