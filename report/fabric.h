#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "report/curve.h"
#include "report/machine.h"
#include "report/record.h"

namespace wiretax {

/// What carried the messages, and so what may be concluded from their times.
/// kFloor: RDMA writes of our own, below what any library does.
enum class FabricKind { kLoopback, kSharedMemory, kHostMpi, kFloor, kEngine, kPublished };

/// "loopback", ... as in the context of a result file.
std::string_view kind_name(FabricKind kind);

/// Which way between the machines the messages took: both PCIe halves of the network card, one of
/// them, or TCP.
enum class FabricPath { kUnknown, kRoceBoth, kRoceOne, kTcp };

/// "unknown", "roce_both", "roce_one" or "tcp", as in a result file's context.
std::string_view path_name(FabricPath path);

/// Size curves for one number of ranks, empty where nobody measured them.
struct Curves {
  Curve all_reduce;
  Curve all_gather;
  Curve reduce_scatter;
  Curve all_to_all;
  Curve send_recv;
};

/// The size curves of one fabric for `ranks`, all_reduce never empty, and for fewer: groups of
/// machines that work together, and the two ends of a pipeline's hop.
struct Fabric : Curves {
  std::string name;
  FabricKind kind = FabricKind::kEngine;
  FabricPath path = FabricPath::kUnknown;
  std::uint64_t ranks = 2;
  std::string measured_by;  // another tool, whose output was imported; empty: here, by wiretax
  std::map<std::uint64_t, Curves> fewer;
  std::vector<std::string> notes;  // suspect points, files that are not complete, other types

  /// Whether its times are those of the user's engine, so that it can name a winner.
  [[nodiscard]] bool decides() const {
    return kind == FabricKind::kEngine || kind == FabricKind::kPublished;
  }
};

/// Seconds of one operation, as a band: a measured curve's own interval, a published one x1 to x1.5
/// (another build of NCCL, another MTU), in a hole of either all that it may be.
Band band_of(const Fabric& fabric, const CurveTime& time);

struct Fabrics {
  std::vector<Fabric> usable;
  std::vector<std::string> notes;  // fabrics without an all_reduce curve of that many ranks
};

/// The curves of all files that were measured with `ranks`, one fabric per wiretax_fabric, and
/// with as many as divide them. Only chained timing counts; send_recv without a pattern. bf16 and
/// out of place are preferred, else what is there, with a note. Invalid points are left out,
/// suspect ones noted. Throws InputError on a file without a fabric, or of an unknown kind.
Fabrics fabrics_of(std::span<const ResultFile> files, std::uint64_t ranks);

/// The same, with those that nobody measured an all_reduce of that many ranks on.
std::vector<Fabric> all_fabrics_of(std::span<const ResultFile> files, std::uint64_t ranks);

std::vector<std::string> profile_names();
/// A published profile of report/profiles. Throws UnknownName.
ResultFile find_profile(std::string_view name);

}  // namespace wiretax
