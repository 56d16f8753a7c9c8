// IPv4 addresses of the fast links, and which interface others would take.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "bench/doctor/finding.h"
#include "bench/harness/host.h"

namespace wiretax::doctor {
namespace {

using verbs::Ipv4Network;
using verbs::Port;

std::string text_of(const Ipv4Network& network) {
  return fmt::format("{} {}/{}", network.netdev, bench::format_address(network.address),
                     network.prefix_length);
}

void check_missing(const Evidence& host, Findings& findings) {
  for (const auto& port : host.ports) {
    if (!port.active() || !port.ethernet() || !port.networks.empty() || !host.hca_takes(port)) {
      continue;
    }
    findings.add(
        "half-without-ipv4",
        fmt::format("{} is ACTIVE, and {} has no IPv4 address", port.name(), port.netdev),
        fmt::format("sudo ip address add ADDRESS/24 dev {}, of a subnet that only this link "
                    "has; for good in netplan",
                    port.netdev));
    if (!host.network_manager) continue;
    findings.add("addresses-vanish",
                 fmt::format("NetworkManager runs here, and {} has no address: one that was set by "
                             "hand may have been taken away",
                             port.netdev));
  }
}

/// Networks of the ACTIVE ports.
std::vector<Ipv4Network> fast_networks(const Evidence& host) {
  std::vector<Ipv4Network> networks;
  for (const auto& port : host.ports) {
    if (!port.active()) continue;
    networks.insert(networks.end(), port.networks.begin(), port.networks.end());
  }
  return networks;
}

void check_subnets(const Evidence& host, Findings& findings) {
  const auto networks = fast_networks(host);
  for (std::size_t i = 0; i < networks.size(); ++i) {
    for (std::size_t k = i + 1; k < networks.size(); ++k) {
      const auto& [a, b] = std::tie(networks[i], networks[k]);
      if (a.netdev == b.netdev || a.link_local() || !a.contains(b.address)) continue;
      findings.add("halves-in-one-subnet", fmt::format("{} and {}", text_of(a), text_of(b)),
                   fmt::format("give {} an address in a /24 of its own, on both ends", b.netdev));
    }
  }
}

void check_link_local(const Evidence& host, Findings& findings) {
  std::set<std::string> only;
  for (const auto& port : host.ports) {
    if (!port.active() || port.networks.empty()) continue;
    if (!std::ranges::all_of(port.networks, &Ipv4Network::link_local)) continue;
    only.insert(port.networks.front().netdev);  // of a bond's ports the bond
  }
  if (only.size() < 2) return;
  findings.add("link-local-ambiguous",
               fmt::format("{} have addresses in 169.254.0.0/16 only", fmt::join(only, " and ")));
}

/// An address that the engine is told to be its own, and nobody here has.
void check_told_ip(const Evidence& host, Findings& findings) {
  for (const char* const variable : {"VLLM_HOST_IP", "SGLANG_HOST_IP"}) {
    const auto set = host.environment.find(variable);
    if (set == host.environment.end() || set->second.find(':') != std::string::npos) continue;
    const bool own = std::ranges::any_of(host.interfaces, [&](const NetInterface& interface) {
      return std::ranges::any_of(interface.networks, [&](const Ipv4Network& network) {
        return bench::format_address(network.address) == set->second;
      });
    });
    if (own) continue;
    findings.add("host-ip-wrong", fmt::format("{}={}, and no interface here has that address",
                                              variable, set->second));
  }
}

/// Engines take the address of the default route where they are not told another.
void check_host_ip(const Evidence& host, Findings& findings) {
  const auto* const interface = host.interface(host.default_interface);
  const bool slow = interface != nullptr && interface->wireless;
  const bool told =
      host.environment.contains("VLLM_HOST_IP") || host.environment.contains("SGLANG_HOST_IP");
  const auto networks = fast_networks(host);
  if (!slow || told || networks.empty()) return;
  findings.add("host-ip-wrong",
               fmt::format("the default route is over {}, which is Wi-Fi", host.default_interface),
               fmt::format("export VLLM_HOST_IP={0} (or SGLANG_HOST_IP={0})",
                           bench::format_address(networks.front().address)));
}

}  // namespace

void check_addresses(const Evidence& host, Findings& findings) {
  check_missing(host, findings);
  check_subnets(host, findings);
  check_link_local(host, findings);
  check_host_ip(host, findings);
  check_told_ip(host, findings);
}

}  // namespace wiretax::doctor
