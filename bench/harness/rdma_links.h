#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/harness/program.h"
#include "verbs/bound.h"
#include "verbs/port.h"

namespace wiretax::bench {

/// One way from a rank to another: the port that each of them uses.
struct RdmaLink {
  std::string name;  // the port's, or both where the ends' differ
  verbs::Port from;
  verbs::Port to;
  // Which IPv4 address each end uses: the ones in one subnet; none where one end has none.
  verbs::WantedIpv4 from_ipv4 = verbs::kAnyIpv4;
  verbs::WantedIpv4 to_ipv4 = verbs::kAnyIpv4;
  std::string without_ipv4;   // an end that has none, with its host
  std::string doubt;          // that the ports belong together, or that all is well with them
  std::string pairing_doubt;  // the first of these alone

  [[nodiscard]] const verbs::Port& port_of(bool is_from) const { return is_from ? from : to; }
  [[nodiscard]] verbs::WantedIpv4 ipv4_of(bool is_from) const {
    return is_from ? from_ipv4 : to_ipv4;
  }
  /// Nothing between ports without hardware.
  [[nodiscard]] std::optional<verbs::Bound> bound(int mtu) const;
  /// What both ends can.
  [[nodiscard]] int path_mtu() const;
};

/// Payload per second of links used together, and the element that limits it.
std::optional<verbs::Bound> bound_of(const std::vector<const RdmaLink*>& links);

/// Every rank's ports, and the links between every two ranks.
class RdmaLinks {
 public:
  /// Collective. `devices`: names of devices, with ":2" for a second port, to use only those; their
  /// state is not asked then. Throws Failure.
  RdmaLinks(Session& session, const std::vector<std::string>& devices);

  /// Why nothing can be measured, where a rank has no port to use.
  [[nodiscard]] const std::optional<std::string>& missing() const { return missing_; }
  [[nodiscard]] const std::vector<RdmaLink>& between(int from, int to) const;
  /// Takes the i-th link between two ranks out, since it carries nothing.
  void drop(int from, int to, std::size_t i, const std::string& reason);
  /// Ports and links that are not used, and why, a line each.
  [[nodiscard]] const std::vector<std::string>& left_out() const { return left_out_; }
  /// The most that any two ranks have.
  [[nodiscard]] std::size_t most() const;
  /// All ports of all ranks, for the result file, as JSON text.
  [[nodiscard]] std::string description() const;
  /// All of them are made by software.
  [[nodiscard]] bool emulated() const;

 private:
  void exchange_ports(Ranks& ranks, const std::vector<std::string>& devices);
  void drop_without_gid();
  void tell_of_partnerless(const Session& session);
  [[nodiscard]] std::size_t place_of(int from, int to) const;

  int ranks_;
  std::vector<std::vector<verbs::Port>> ports_;  // by rank, those that may be used
  std::vector<std::string> hosts_;
  std::vector<std::vector<RdmaLink>> links_;  // by from * ranks + to; empty unless from < to
  std::optional<std::string> missing_;
  std::vector<std::string> left_out_;
};

}  // namespace wiretax::bench
