#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/harness/program.h"
#include "collectives/nccl/gpu.h"

namespace wiretax::bench {

/// What a rank has of NCCL and of GPUs, before anything is begun.
struct GpuFacts {
  std::string missing;                         // why it can do nothing; empty: everything is there
  std::string version;                         // of NCCL
  std::string path;                            // its library
  std::string build_id;                        // of that
  std::vector<collectives::GpuIdentity> gpus;  // that it may use: CUDA_VISIBLE_DEVICES
  int seat = -1;                               // which of them is its own; -1: none is left
  bool shares = false;                         // with another rank

  /// Its own, or an empty one.
  [[nodiscard]] collectives::GpuIdentity gpu() const;
};

/// What this rank finds with these functions; without any, what is wrong with them.
GpuFacts look_for_gpus(const collectives::GpuTable& table);

/// Collective: everybody's, by rank, each with its seat: the first of its GPUs that no earlier rank
/// of its machine has. Where one is left without and `may_share`, all ranks of that machine share.
std::vector<GpuFacts> deal_gpus(Session& session, const GpuFacts& mine, bool may_share);

/// The first of the GPUs that each rank of a machine may use (by uuid) that none before it took.
std::vector<std::optional<int>> first_free(const std::vector<std::vector<std::string>>& visible);

/// "rank 1 (spark-02): CUDA sees no GPU", of the first rank that can do nothing.
std::optional<std::string> what_is_missing(const Session& session,
                                           const std::vector<GpuFacts>& facts);
/// Throws Failure(kEnvironment) where versions of NCCL differ, on all ranks.
void refuse_different_versions(const Session& session, const std::vector<GpuFacts>& facts);
/// Ranks whose NCCL has the version of rank 0's and is another build; empty without.
std::string different_builds(const Session& session, const std::vector<GpuFacts>& facts);
/// Throws Failure(kUsage) on a rank that has no seat.
void refuse_without_seat(const GpuFacts& mine);

}  // namespace wiretax::bench
