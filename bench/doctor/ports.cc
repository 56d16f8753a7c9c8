// Ports that are down, bonds, and MTUs, of one host.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "bench/doctor/finding.h"

namespace wiretax::doctor {
namespace {

using verbs::Port;

bool any_active(const Evidence& host) { return std::ranges::any_of(host.ports, &Port::active); }

/// Of a cable's two halves the other one.
const Port* twin_of(const Evidence& host, const Port& port) {
  const auto found = std::ranges::find_if(host.ports, [&](const Port& other) {
    return other.name() != port.name() && !port.phys_port_name.empty() &&
           other.cage() == port.cage();
  });
  return found == host.ports.end() ? nullptr : &*found;
}

std::string link_up(const Port& port) {
  return fmt::format(
      "sudo ip link set {} up; if it stays down, reseat the cable, and use the same "
      "port on both machines",
      port.netdev);
}

/// A cage without a cable is down, and nothing is wrong with it. A port is missed where somebody
/// gave it an address, where its twin is up, or where there is no other.
void check_down(const Evidence& host, Findings& findings) {
  std::vector<std::string> down;
  for (const auto& port : host.ports) {
    if (port.active()) continue;
    down.push_back(fmt::format("{} is {}", port.name(), port.state));
    const auto* const twin = twin_of(host, port);
    const bool half = twin != nullptr && twin->active();
    if (any_active(host) && (half || !port.networks.empty())) {
      findings.add("port-down",
                   fmt::format("{} is {}, and {}", port.name(), port.state,
                               half ? fmt::format("{} in the same cage is ACTIVE", twin->name())
                                    : fmt::format("{} has an address", port.netdev)),
                   link_up(port));
    }
  }
  if (down.empty() || any_active(host)) return;
  findings.add("port-down", fmt::format("{}", fmt::join(down, ", ")), link_up(host.ports.front()));
}

void check_bonds(const Evidence& host, Findings& findings) {
  for (const auto& port : host.ports) {
    if (port.bond.empty()) continue;
    findings.add("bonded-halves", fmt::format("{} belongs to {}", port.netdev, port.bond),
                 fmt::format("sudo ip link set {} nomaster", port.netdev));
  }
}

/// A path MTU of 4096 wants 4096 bytes and RoCE's headers in a frame.
void check_mtu(const Evidence& host, Findings& findings) {
  constexpr int kEnough = 4200;
  for (const auto& port : host.ports) {
    if (!port.active() || !port.ethernet() || port.netdev_mtu == 0 || port.netdev_mtu >= kEnough) {
      continue;
    }
    findings.add("mtu-1500", fmt::format("{} has MTU {}", port.netdev, port.netdev_mtu),
                 fmt::format("sudo ip link set {} mtu 9000, on the other end too, and in netplan",
                             port.netdev));
  }
}

}  // namespace

void check_ports(const Evidence& host, Findings& findings) {
  check_down(host, findings);
  check_bonds(host, findings);
  check_mtu(host, findings);
}

}  // namespace wiretax::doctor
