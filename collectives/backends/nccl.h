#pragma once

#include <memory>
#include <string>

#include "collectives/backend.h"
#include "collectives/nccl/gpu.h"

namespace wiretax::collectives {

/// The ranks of a communicator.
struct NcclGroup {
  int rank = 0;
  int ranks = 1;
  UniqueId id;             // of the first rank, the same on all
  double patience_s = 60;  // so long a communicator may take to begin or to end
};

/// Throws std::runtime_error with NCCL's words.
UniqueId make_unique_id(const GpuTable& table);
/// "2.28.9"
std::string nccl_version(const GpuTable& table);

/// Collectives by NCCL on a GPU's memory, on one stream, as an engine calls them: a blocking
/// communicator, operations launched one by one or as CUDA graphs.
class NcclBackend : public Backend {
 public:
  /// Collective over the group. Throws PeerSilent where a communicator does not come about in time,
  /// std::runtime_error with NCCL's words where it fails.
  NcclBackend(std::shared_ptr<Gpu> gpu, const NcclGroup& group);
  ~NcclBackend() override;
  NcclBackend(const NcclBackend&) = delete;
  NcclBackend& operator=(const NcclBackend&) = delete;

  [[nodiscard]] std::string_view name() const override { return "nccl"; }
  /// GPU memory that a task takes on one rank, and as much of the host for its check.
  [[nodiscard]] static std::uint64_t memory_bytes(const Request& request);
  std::unique_ptr<Task> prepare(const Request& request) override;

 private:
  std::shared_ptr<Gpu> gpu_;
  NcclGroup group_;
  void* communicator_ = nullptr;
};

}  // namespace wiretax::collectives
