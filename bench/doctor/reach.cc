#include "bench/doctor/reach.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "bench/harness/host.h"
#include "bench/harness/tcp_streams.h"

namespace wiretax::doctor {
namespace {

/// Of interfaces that are up and have a cable, but for addresses that are on every cable, whoever
/// is at its end. Access points often keep their guests apart, and
/// nobody measures over them; where two interfaces share a subnet, that is told elsewhere.
std::vector<verbs::Ipv4Network> cabled_networks(const Evidence& host) {
  std::vector<verbs::Ipv4Network> networks;
  for (const auto& interface : host.interfaces) {
    if (!interface.up || !interface.physical || interface.wireless) continue;
    std::ranges::copy_if(interface.networks, std::back_inserter(networks),
                         [](const auto& network) { return !network.link_local(); });
  }
  const auto shared = [all = networks](const verbs::Ipv4Network& network) {
    return std::ranges::any_of(all, [&](const verbs::Ipv4Network& other) {
      return other.netdev != network.netdev && other.contains(network.address);
    });
  };
  std::erase_if(networks, shared);
  return networks;
}

/// One rank is enough to speak for a machine.
std::vector<int> first_of_each_machine(const std::vector<Evidence>& hosts) {
  std::set<std::string> seen;
  std::vector<int> first;
  for (std::size_t rank = 0; rank < hosts.size(); ++rank) {
    if (seen.insert(hosts[rank].boot_id).second) first.push_back(static_cast<int>(rank));
  }
  return first;
}

void add_ways(const std::vector<Evidence>& hosts, int from, int to, std::vector<Way>& ways) {
  const auto theirs = cabled_networks(hosts[static_cast<std::size_t>(to)]);
  for (const auto& mine : cabled_networks(hosts[static_cast<std::size_t>(from)])) {
    for (const auto& other : theirs) {
      if (!mine.contains(other.address) || !other.contains(mine.address)) continue;
      ways.push_back({from, to, mine.netdev, mine.address, other.address});
    }
  }
}

}  // namespace

std::vector<Way> ways_between(const std::vector<Evidence>& hosts) {
  const auto machines = first_of_each_machine(hosts);
  std::vector<Way> ways;
  for (std::size_t i = 0; i < machines.size(); ++i) {
    for (std::size_t k = i + 1; k < machines.size(); ++k) {
      add_ways(hosts, machines[i], machines[k], ways);
      add_ways(hosts, machines[k], machines[i], ways);  // a firewall may have one side only
    }
  }
  return ways;
}

void try_ways(bench::Ranks& ranks, std::vector<Evidence>& hosts) {
  constexpr int kMostFailures = 4;  // each takes the 5 s of a handshake
  int failures = 0;
  for (const auto& way : ways_between(hosts)) {
    bench::StreamPair pair;
    pair.from = way.from;
    pair.to = way.to;
    pair.from_address = way.from_address;
    pair.to_address = way.to_address;
    try {
      bench::open_streams(ranks, pair, 1);
    } catch (const bench::AgreedFailure& failure) {
      if (failure.code() != bench::ExitCode::kPeer || ranks.lost()) throw;
      hosts[static_cast<std::size_t>(way.from)].unreached.push_back(
          {way.interface,
           fmt::format("{} of {}", bench::format_address(way.to_address),
                       hosts[static_cast<std::size_t>(way.to)].who),
           failure.what()});
      if (++failures == kMostFailures) return;
    }
  }
}

}  // namespace wiretax::doctor
