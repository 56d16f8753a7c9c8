#pragma once

#include <map>
#include <optional>
#include <string>

#include "bench/harness/host.h"
#include "bench/harness/program.h"

namespace wiretax::bench {

/// Makes Open MPI use one network and nothing else, and says which that was. MPI chooses silently
/// among shared memory, every TCP interface and RDMA; a number without its path means nothing.
class MpiFabric {
 public:
  /// Before MPI starts: sets the library's parameters. "" is loopback where all ranks are local, or
  /// what mpirun's own btl_tcp_if_include names. Throws Failure where mpirun says otherwise
  /// (kUsage) or this host has no such interface (kEnvironment).
  void pin(const std::string& wanted);

  /// After MPI has started: reads back what is in force. Throws Failure(kEnvironment).
  void verify(const Session& session) const;

  /// Interface of this rank: its name, or "shm".
  [[nodiscard]] const std::string& interface() const { return interface_.name; }
  /// Bytes per second that the interface can carry as TCP payload; absent where it is virtual, and
  /// where ranks share a network stack: their traffic never leaves the machine.
  [[nodiscard]] std::optional<double> bound(const Session& session) const;
  /// Entries for the result file: fabric, its kind, transport, interface.
  [[nodiscard]] std::map<std::string, std::string> context(const Session& session) const;

 private:
  Interface interface_;
  bool shared_memory_ = false;
};

}  // namespace wiretax::bench
