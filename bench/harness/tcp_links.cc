#include "bench/harness/tcp_links.h"

#include <fmt/format.h>

#include <algorithm>

namespace wiretax::bench {
namespace {

std::string name_of(const Interface& from, const Interface& to) {
  return from.name == to.name ? from.name : fmt::format("{}-{}", from.name, to.name);
}

const RdmaLink* cable_of(const RdmaLinks* rdma, int a, int b, const Interface& from,
                         const Interface& to) {
  if (rdma == nullptr || rdma->missing()) return nullptr;
  for (const auto& link : rdma->between(a, b)) {
    if (link.from.netdev == from.name && link.to.netdev == to.name) return &link;
  }
  return nullptr;
}

/// The interface of a link's end. It has several addresses, and so several entries, where only the
/// one that both ends share a subnet with leads to the other end.
const Interface* find(const std::vector<Interface>& all, const RdmaLink& cable, bool is_from) {
  const auto& name = cable.port_of(is_from).netdev;
  const auto address = cable.ipv4_of(is_from);
  const Interface* found = nullptr;
  for (const auto& interface : all) {
    if (interface.name != name) continue;
    if (found == nullptr || interface.address == address) found = &interface;
  }
  return found;
}

std::vector<TcpLink> links_over(const std::vector<Network>& networks, const RdmaLinks* rdma, int a,
                                int b) {
  std::vector<TcpLink> links;
  for (const auto& network : networks) {
    const auto& from = network.by_rank.at(static_cast<std::size_t>(a));
    const auto& to = network.by_rank.at(static_cast<std::size_t>(b));
    const auto* const cable = cable_of(rdma, a, b, from, to);
    links.push_back({.name = name_of(from, to),
                     .from = from,
                     .to = to,
                     .cable = cable == nullptr ? std::nullopt : std::optional(*cable),
                     .doubt = cable == nullptr ? "" : cable->pairing_doubt});
  }
  return links;
}

using InterfacesByRank = std::vector<std::vector<Interface>>;

std::vector<TcpLink> links_beside(const std::vector<RdmaLink>& cables,
                                  const InterfacesByRank& by_rank, int a, int b) {
  std::vector<TcpLink> links;
  for (const auto& cable : cables) {
    const auto* const from = find(by_rank.at(static_cast<std::size_t>(a)), cable, true);
    const auto* const to = find(by_rank.at(static_cast<std::size_t>(b)), cable, false);
    if (from == nullptr || to == nullptr) continue;  // no IPv4 address there
    links.push_back({.name = name_of(*from, *to),
                     .from = *from,
                     .to = *to,
                     .cable = cable,
                     .doubt = cable.pairing_doubt});
  }
  return links;
}

std::optional<verbs::Bound> hardware_bound(const std::vector<const TcpLink*>& links) {
  std::vector<verbs::Port> mine;
  std::vector<verbs::Port> theirs;
  int mtu = links.front()->from.mtu;
  for (const auto* const link : links) {
    if (!link->cable) return std::nullopt;
    mine.push_back(link->cable->from);
    theirs.push_back(link->cable->to);
    mtu = std::min({mtu, link->from.mtu, link->to.mtu});
  }
  return verbs::path_bound(mine, theirs, tcp_efficiency(mtu));
}

}  // namespace

verbs::Port TcpLink::port_of(bool is_from) const {
  if (cable) return cable->port_of(is_from);
  verbs::Port port;
  port.netdev = is_from ? from.name : to.name;
  return port;
}

TcpLinks::TcpLinks(Session& session, const std::vector<std::string>& wanted, const RdmaLinks* rdma)
    : ranks_(static_cast<std::size_t>(session.ranks.size())) {
  const bool named = !wanted.empty();
  const auto networks = named ? shared_networks(session, wanted) : std::vector<Network>{};
  const auto by_rank =
      named ? InterfacesByRank{} : exchange_interfaces(session.ranks, interfaces());
  for (int a = 0; a < session.ranks.size(); ++a) {
    for (int b = 0; b < session.ranks.size(); ++b) {
      auto& links = links_.emplace_back();
      if (a >= b) continue;
      if (named) {
        links = links_over(networks, rdma, a, b);
      } else if (rdma != nullptr && !rdma->missing() && !session.same_network_stack(a, b)) {
        links = links_beside(rdma->between(a, b), by_rank, a, b);
      }
    }
  }
}

const std::vector<TcpLink>& TcpLinks::between(int from, int to) const {
  return links_.at(static_cast<std::size_t>(from) * ranks_ + static_cast<std::size_t>(to));
}

std::size_t TcpLinks::most() const {
  std::size_t most = 0;
  for (const auto& links : links_) most = std::max(most, links.size());
  return most;
}

std::optional<verbs::Bound> bound_of(const std::vector<const TcpLink*>& links) {
  if (auto bound = hardware_bound(links)) return bound;
  if (links.size() != 1) return std::nullopt;  // twins of one cage each claim its whole speed
  const auto& link = *links.front();
  const auto from = tcp_bound(link.from);
  const auto to = tcp_bound(link.to);
  if (!from || !to) return std::nullopt;
  return verbs::Bound{std::min(*from, *to), fmt::format("speed of {}", link.name)};
}

}  // namespace wiretax::bench
