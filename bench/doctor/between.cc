// What differs between hosts, and must not.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <map>
#include <set>

#include "bench/doctor/finding.h"
#include "verbs/pairing.h"

namespace wiretax::doctor {
namespace {

using verbs::Port;

std::vector<const Port*> devices_of_nccl(const Evidence& host) {
  std::vector<const Port*> devices;
  for (const auto& port : host.ports) {
    if (port.active() && host.hca_takes(port)) devices.push_back(&port);
  }
  return devices;
}

bool any_in_common(const std::vector<const Port*>& mine, const std::vector<const Port*>& theirs) {
  return std::ranges::any_of(mine, [&](const Port* a) {
    return std::ranges::any_of(
        theirs, [&](const Port* b) { return verbs::common_subnet(*a, *b).has_value(); });
  });
}

void check_mtus(const Evidence& a, const Evidence& b, Findings& findings) {
  for (const auto& link : verbs::pair_ports(a.ports, b.ports)) {
    const auto& mine = a.ports[link.mine];
    const auto& theirs = b.ports[link.theirs];
    if (!mine.ethernet() || mine.netdev_mtu == 0 || theirs.netdev_mtu == 0) continue;  // unknown
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

/// NCCL pairs devices by their place in the list of those that are ACTIVE, and that it may use.
void check_order(const Evidence& a, const Evidence& b, Findings& findings) {
  const auto mine = devices_of_nccl(a);
  const auto theirs = devices_of_nccl(b);
  // Without a subnet in common they may be routed.
  const auto severity = any_in_common(mine, theirs) ? Severity::kFault : Severity::kWarning;
  for (std::size_t i = 0; i < std::min(mine.size(), theirs.size()); ++i) {
    if (mine[i]->networks.empty() || theirs[i]->networks.empty()) continue;  // told elsewhere
    if (verbs::common_subnet(*mine[i], *theirs[i])) continue;
    findings.add("ports-paired-wrong", severity,
                 fmt::format("number {} of the ACTIVE devices is {} at {} and {} at {}, and they "
                             "have no subnet in common",
                             i, mine[i]->name(), a.who, theirs[i]->name(), b.who));
    return;
  }
}

/// A cable belongs into the same cage of both machines (dgx-spark-playbooks, connect-two-sparks);
/// in a ring of more it cannot.
void check_cages(const Evidence& a, const Evidence& b, Findings& findings) {
  for (const auto& link : verbs::pair_ports(a.ports, b.ports)) {
    const auto& mine = a.ports[link.mine];
    const auto& theirs = b.ports[link.theirs];
    const bool known = !mine.phys_port_name.empty() && !theirs.phys_port_name.empty();
    if (!known || !link.doubt.empty() || mine.phys_port_name == theirs.phys_port_name) continue;
    return findings.add(
        "ports-paired-wrong", Severity::kWarning,
        fmt::format("{} of cage {} at {} leads to {} of cage {} at {}", mine.name(),
                    mine.phys_port_name, a.who, theirs.name(), theirs.phys_port_name, b.who),
        "put the cable into the same cage of both machines");
  }
}

void check_one_chip(const std::vector<Evidence>& hosts, Findings& findings) {
  std::map<std::string, const Evidence*> first;
  std::set<std::string> told;
  for (const auto& host : hosts) {
    const auto [there, is_first] = first.try_emplace(host.boot_id, &host);
    if (is_first || host.ports.empty() || !told.insert(host.boot_id).second) continue;
    findings.add("loopback-on-chip",
                 fmt::format("{} and {} are on one machine", there->second->who, host.who));
  }
}

void check_reach(const Evidence& host, Findings& findings) {
  for (const auto& way : host.unreached) {
    findings.add("firewall", fmt::format("{} of {} does not reach {}: {}", way.interface, host.who,
                                         way.peer, way.reason));
  }
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

/// Of hosts that have NCCL: an engine may bring its own where none is installed.
void check_libraries(const std::vector<Evidence>& hosts, Findings& findings) {
  std::vector<Evidence> with_nccl;
  std::ranges::copy_if(hosts, std::back_inserter(with_nccl),
                       [](const Evidence& host) { return host.nccl.has_value(); });
  const auto versions =
      by_value(with_nccl, [](const Evidence& host) { return host.nccl->version_text(); });
  if (versions.size() > 1) return findings.add("nccl-version-mismatch", listed(versions));
  const auto builds =
      by_value(with_nccl, [](const Evidence& host) { return host.nccl->build_id.substr(0, 12); });
  if (builds.size() < 2) return;
  findings.add("nccl-libraries-differ", listed(by_value(with_nccl, [](const Evidence& host) {
                 return fmt::format("{} ({:.12})", host.nccl->path, host.nccl->build_id);
               })));
}

bool starts_with_any(std::string_view name, std::initializer_list<std::string_view> beginnings) {
  return std::ranges::any_of(
      beginnings, [&](std::string_view beginning) { return name.starts_with(beginning); });
}

std::set<std::string> nccl_settings_of(const std::vector<Evidence>& hosts) {
  std::set<std::string> names;
  for (const auto& host : hosts) {
    for (const auto& [name, value] : host.environment) {
      if (name.starts_with("NCCL_")) names.insert(name);
    }
    for (const auto& setting : host.nccl_conf) names.insert(setting.name);
  }
  return names;
}

/// What to type so that all ranks have the same: a file is copied, a variable is forwarded.
std::string same_everywhere(const std::string& name, const std::vector<Evidence>& hosts) {
  for (const auto& host : hosts) {
    const auto line = std::ranges::find(host.nccl_conf, name, &Setting::name);
    if (host.environment.contains(name) || line == host.nccl_conf.end()) continue;
    return fmt::format("the same line in {} on all hosts, or delete it there ({} has it)",
                       line->file, host.who);
  }
  return fmt::format("mpirun -x {}, or the same in /etc/nccl.conf, or unset it everywhere", name);
}

/// Settings that ranks have to share, of the environment or a file. Names of devices and
/// interfaces, and addresses, may differ; what only logs does no harm.
void check_settings(const std::vector<Evidence>& hosts, Findings& findings) {
  for (const auto& name : nccl_settings_of(hosts)) {
    const auto values =
        by_value(hosts, [&](const Evidence& host) { return host.nccl_setting(name).value_or(""); });
    const bool own_names =
        name == "NCCL_IB_HCA" || name == "NCCL_SOCKET_IFNAME" || name == "NCCL_HOSTID";
    if (values.size() < 2 || (own_names && !values.contains(""))) continue;
    const bool harmless =
        starts_with_any(name, {"NCCL_DEBUG", "NCCL_TOPO_DUMP", "NCCL_GRAPH_DUMP"});
    findings.add("env-not-forwarded", harmless ? Severity::kWarning : Severity::kFault,
                 fmt::format("{}: {}", name, listed(values)), same_everywhere(name, hosts));
  }
}

}  // namespace

void check_pairs(const std::vector<Evidence>& hosts, Findings& findings) {
  const auto machines = by_value(hosts, [](const Evidence& host) { return host.boot_id; }).size();
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    check_reach(hosts[i], findings);
    for (std::size_t k = i + 1; k < hosts.size(); ++k) {
      if (hosts[i].boot_id == hosts[k].boot_id) continue;
      check_mtus(hosts[i], hosts[k], findings);
      check_order(hosts[i], hosts[k], findings);
      if (machines == 2) check_cages(hosts[i], hosts[k], findings);
    }
  }
}

void check_sameness(const std::vector<Evidence>& hosts, Findings& findings) {
  if (hosts.size() < 2) return;
  check_one_chip(hosts, findings);
  check_builds(hosts, findings);
  check_libraries(hosts, findings);
  check_settings(hosts, findings);
}

}  // namespace wiretax::doctor
