#pragma once

#include <mpi.h>

#include "collectives/backend.h"

namespace wiretax::collectives {

/// Collectives by the MPI library on host memory. float32 sums by MPI_SUM; bfloat16 and float16,
/// which MPI does not know, by operations of our own on 16-bit integers.
class MpiBackend : public Backend {
 public:
  /// Duplicates the communicator, so that its traffic mixes with nobody's.
  explicit MpiBackend(MPI_Comm communicator);
  ~MpiBackend() override;
  MpiBackend(const MpiBackend&) = delete;
  MpiBackend& operator=(const MpiBackend&) = delete;

  [[nodiscard]] std::string_view name() const override { return "mpi"; }
  /// Memory that a task takes on one rank.
  [[nodiscard]] static std::uint64_t memory_bytes(const Request& request);
  std::unique_ptr<Task> prepare(const Request& request) override;

 private:
  MPI_Comm communicator_ = MPI_COMM_NULL;
  MPI_Op add_bfloat16_ = MPI_OP_NULL;
  MPI_Op add_float16_ = MPI_OP_NULL;
};

}  // namespace wiretax::collectives
