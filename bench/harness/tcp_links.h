#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "bench/harness/networks.h"
#include "bench/harness/program.h"
#include "bench/harness/rdma_links.h"

namespace wiretax::bench {

/// One way for TCP from a rank to another: the interface that each of them uses, and the RDMA link
/// of the same two ports, where there is one: it tells what the hardware is.
struct TcpLink {
  std::string name;  // the interface's, or both where the ends' differ
  Interface from;
  Interface to;
  std::optional<RdmaLink> cable;
  // TCP does not choose by GID, but packets of a crowded subnet leave by any of its ports.
  std::string doubt;

  /// Of which only the interface is known without RDMA.
  [[nodiscard]] verbs::Port port_of(bool is_from) const;
};

/// The links between every two ranks.
class TcpLinks {
 public:
  /// Collective. Those of `wanted`, names or networks; without any, the interfaces of `rdma`'s
  /// links, except between ranks of one network stack, whose TCP would not leave it. Throws
  /// Failure.
  TcpLinks(Session& session, const std::vector<std::string>& wanted, const RdmaLinks* rdma);

  [[nodiscard]] const std::vector<TcpLink>& between(int from, int to) const;
  /// The most that any two ranks have.
  [[nodiscard]] std::size_t most() const;

 private:
  std::size_t ranks_;
  std::vector<std::vector<TcpLink>> links_;  // by from * ranks + to; empty unless from < to
};

/// Payload per second of links used together, and the element that limits it: what the ports' PCIe
/// links and cages let through where that is known of all, else, of one link, its interfaces'
/// speed.
std::optional<verbs::Bound> bound_of(const std::vector<const TcpLink*>& links);

}  // namespace wiretax::bench
