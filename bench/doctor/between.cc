// What differs between hosts, and must not.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "bench/doctor/finding.h"
#include "verbs/pairing.h"

namespace wiretax::doctor {
namespace {

using verbs::Port;

std::vector<const Port*> active_of(const Evidence& host) {
  std::vector<const Port*> active;
  for (const auto& port : host.ports) {
    if (port.active()) active.push_back(&port);
  }
  return active;
}

void check_mtus(const Evidence& a, const Evidence& b, Findings& findings) {
  for (const auto& link : verbs::pair_ports(a.ports, b.ports)) {
    const auto& mine = a.ports[link.mine];
    const auto& theirs = b.ports[link.theirs];
    if (mine.netdev_mtu == theirs.netdev_mtu) continue;
    const bool smaller = mine.netdev_mtu < theirs.netdev_mtu;
    findings.add("mtu-mismatch",
                 fmt::format("{} of {} has MTU {}, {} of {} has {}", mine.netdev, a.who,
                             mine.netdev_mtu, theirs.netdev, b.who, theirs.netdev_mtu),
                 fmt::format("on {}: sudo ip link set {} mtu {}", smaller ? a.host : b.host,
                             smaller ? mine.netdev : theirs.netdev,
                             std::max(mine.netdev_mtu, theirs.netdev_mtu)));
  }
}

/// NCCL pairs devices by their place in the list of those that are ACTIVE.
void check_order(const Evidence& a, const Evidence& b, Findings& findings) {
  const auto mine = active_of(a);
  const auto theirs = active_of(b);
  for (std::size_t i = 0; i < std::min(mine.size(), theirs.size()); ++i) {
    if (mine[i]->networks.empty() || theirs[i]->networks.empty()) continue;  // told elsewhere
    if (verbs::common_subnet(*mine[i], *theirs[i])) continue;
    findings.add("ports-paired-wrong",
                 fmt::format("number {} of the ACTIVE devices is {} at {} and {} at {}, and they "
                             "have no subnet in common",
                             i, mine[i]->name(), a.who, theirs[i]->name(), b.who));
    return;
  }
}

void check_one_chip(const Evidence& a, const Evidence& b, Findings& findings) {
  if (a.boot_id != b.boot_id || a.ports.empty()) return;
  findings.add("loopback-on-chip", fmt::format("{} and {} are on one machine", a.who, b.who));
}

/// Hosts by what they have of something, "" for nothing.
template <typename What>
std::map<std::string, std::vector<std::string>> by_value(const std::vector<Evidence>& hosts,
                                                         What what) {
  std::map<std::string, std::vector<std::string>> values;
  for (const auto& host : hosts) values[what(host)].push_back(host.who);
  return values;
}

std::string listed(const std::map<std::string, std::vector<std::string>>& values) {
  std::vector<std::string> parts;
  parts.reserve(values.size());
  for (const auto& [value, hosts] : values) {
    parts.push_back(
        fmt::format("{} at {}", value.empty() ? "none" : value, fmt::join(hosts, ", ")));
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

void check_builds(const std::vector<Evidence>& hosts, Findings& findings) {
  const auto builds =
      by_value(hosts, [](const Evidence& host) { return host.build_id.substr(0, 12); });
  if (builds.size() < 2) return;
  std::set<std::string> others;
  for (const auto& host : hosts) {
    if (host.build_id != hosts.front().build_id) others.insert(host.host);
  }
  findings.add("builds-differ", listed(builds),
               fmt::format("./scripts/deploy {}", fmt::join(others, " ")));
}

void check_libraries(const std::vector<Evidence>& hosts, Findings& findings) {
  const auto versions = by_value(hosts, [](const Evidence& host) {
    return host.nccl ? fmt::format("{}", host.nccl->version) : std::string();
  });
  if (versions.size() > 1) return findings.add("nccl-version-mismatch", listed(versions));
  const auto files = by_value(hosts, [](const Evidence& host) {
    return host.nccl ? fmt::format("{} ({:.12})", host.nccl->path, host.nccl->build_id)
                     : std::string();
  });
  std::set<std::string> builds;
  for (const auto& host : hosts) {
    if (host.nccl) builds.insert(host.nccl->build_id);
  }
  if (builds.size() > 1) findings.add("nccl-libraries-differ", listed(files));
}

/// Variables that ranks have to share. Names of devices and interfaces, and addresses, may differ.
void check_environment(const std::vector<Evidence>& hosts, Findings& findings) {
  std::set<std::string> names;
  for (const auto& host : hosts) {
    for (const auto& [name, value] : host.environment) {
      if (name.starts_with("NCCL_")) names.insert(name);
    }
  }
  for (const auto& name : names) {
    const auto values = by_value(hosts, [&](const Evidence& host) {
      const auto found = host.environment.find(name);
      return found == host.environment.end() ? std::string() : found->second;
    });
    const bool own_names =
        name == "NCCL_IB_HCA" || name == "NCCL_SOCKET_IFNAME" || name == "NCCL_HOSTID";
    if (values.size() < 2 || (own_names && !values.contains(""))) continue;
    findings.add("env-not-forwarded", fmt::format("{}: {}", name, listed(values)),
                 fmt::format("mpirun -x {}, or unset it everywhere", name));
  }
}

}  // namespace

void check_pairs(const std::vector<Evidence>& hosts, Findings& findings) {
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    for (std::size_t k = i + 1; k < hosts.size(); ++k) {
      check_one_chip(hosts[i], hosts[k], findings);
      if (hosts[i].boot_id == hosts[k].boot_id) continue;
      check_mtus(hosts[i], hosts[k], findings);
      check_order(hosts[i], hosts[k], findings);
    }
  }
}

void check_sameness(const std::vector<Evidence>& hosts, Findings& findings) {
  if (hosts.size() < 2) return;
  check_builds(hosts, findings);
  check_libraries(hosts, findings);
  check_environment(hosts, findings);
}

}  // namespace wiretax::doctor
