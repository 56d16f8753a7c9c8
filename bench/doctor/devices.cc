// Whether RDMA devices are there, can be opened, and have their whole width.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>

#include "bench/doctor/finding.h"
#include "report/units.h"

namespace wiretax::doctor {
namespace {

using verbs::Port;

std::size_t hardware_devices(const Evidence& host) {
  std::set<std::string> devices;
  for (const auto& port : host.ports) {
    if (!port.emulated()) devices.insert(port.device);
  }
  return devices.size();
}

/// The driver makes one device of two functions that are bonded.
bool bonded(const Evidence& host) {
  return std::ranges::any_of(host.ports, [](const Port& port) { return !port.bond.empty(); });
}

void check_presence(const Evidence& host, Findings& findings) {
  const auto devices = hardware_devices(host);
  if (host.spark() && host.rdma_functions == 0 && host.ports.empty()) {
    findings.add("no-cable", "no RDMA device, and no function of vendor 15b3 on PCI");
  }
  // Elsewhere such a card may be there for Ethernet alone.
  const bool meant_for_rdma = host.spark() || devices > 0;
  if (devices < static_cast<std::size_t>(host.rdma_functions) && !host.container &&
      meant_for_rdma && !bonded(host)) {
    findings.add("device-vanished", host.spark() ? Severity::kFault : Severity::kWarning,
                 fmt::format("{} network functions of vendor 15b3 on PCI, {} RDMA devices",
                             host.rdma_functions, devices),
                 devices > 0 ? ""
                             : "sudo modprobe mlx5_ib; if no device comes: " +
                                   find_symptom("device-vanished").fix);
  }
}

void check_opening(const Evidence& host, Findings& findings) {
  if (host.ports.empty()) return;
  if (!host.libibverbs.empty()) findings.add("libibverbs-missing", host.libibverbs);
  if (host.device_files.empty()) {
    findings.add(
        "container-without-infiniband",
        fmt::format("/sys/class/infiniband has {}, and there is no /dev/infiniband/uverbs*",
                    host.ports.front().device),
        host.container ? "" : "sudo modprobe ib_uverbs");
  }
  for (const auto& [file, error] : host.device_files) {
    if (error != EACCES && error != EPERM) continue;
    findings.add(
        "device-not-openable", fmt::format("{}: {}", file, std::strerror(error)),
        host.container ? "" : fmt::format("sudo chmod 0666 {}, and for good a udev rule", file));
  }
}

/// What a healthy link would be, or nothing where it is one. A slot may give a card less than it
/// could have; that is told only where its twin has more.
std::string wider_link(const Evidence& host, const Port& port) {
  constexpr int kLanes = 4;
  constexpr double kGen5 = 32;
  if (host.spark()) {
    const bool whole = port.pcie->lanes >= kLanes && port.pcie->gigatransfers_per_s >= kGen5;
    return whole ? "" : "Gen5 x4";
  }
  const bool narrow = std::ranges::any_of(host.ports, [&](const Port& twin) {
    return twin.pcie && twin.device != port.device && twin.cage() == port.cage() &&
           twin.pcie->bytes_per_s() > port.pcie->bytes_per_s();
  });
  const bool could_do_more =
      port.pcie_possible && port.pcie_possible->bytes_per_s() > port.pcie->bytes_per_s();
  return narrow && could_do_more ? port.pcie_possible->text() : "";
}

void check_width(const Evidence& host, Findings& findings) {
  std::set<std::string> told;
  for (const auto& port : host.ports) {
    if (!port.pci || !port.pcie) continue;
    const auto wider = wider_link(host, port);
    if (wider.empty() || !told.insert(port.pci->slot()).second) continue;
    findings.add("half-pcie-narrow", fmt::format("{} at {} is {}, not {}", port.name(),
                                                 port.pci->text(), port.pcie->text(), wider));
  }
}

/// Another port of the same card, as far as cards are known.
bool comparable(const Port& port, const Port& other) {
  return port.sys_image_guid.empty() || port.sys_image_guid == other.sys_image_guid;
}

/// A Spark's ports do 200 Gb/s. Elsewhere 100 is doubtful only beside a port that does more.
bool below_its_rate(const Evidence& host, const Port& port) {
  constexpr double kWhole = 200 * kGigabit;
  constexpr double kHalf = 100 * kGigabit;
  if (host.spark()) return port.rate_bytes_per_s < kWhole;
  return port.rate_bytes_per_s == kHalf && std::ranges::any_of(host.ports, [&](const Port& other) {
           return other.active() && other.rate_bytes_per_s >= kWhole && comparable(port, other);
         });
}

void check_rate(const Evidence& host, Findings& findings) {
  for (const auto& port : host.ports) {
    if (!port.active() || port.emulated() || !below_its_rate(host, port)) continue;
    findings.add("switch-at-100g", fmt::format("{} runs at {:g} Gb/s", port.name(),
                                               port.rate_bytes_per_s / kGigabit));
  }
}

void check_shared_link(const std::string& slot, const std::vector<const Port*>& ports,
                       Findings& findings) {
  const double carried = ports.front()->pcie->bytes_per_s();
  double wanted = 0;
  std::vector<std::string> names;
  for (const auto* const port : ports) {
    wanted += port->rate_bytes_per_s;
    names.push_back(port->name());
  }
  if (ports.size() < 2 || wanted <= carried) return;
  findings.add("same-pcie-link",
               fmt::format("{} share the PCIe link {}, which carries {:.0f} of their {:.0f} Gb/s",
                           fmt::join(names, " and "), slot, carried / kGigabit, wanted / kGigabit));
}

/// Whether all ports that have addresses are on one PCIe link, while there is another.
void check_pcie_links(const Evidence& host, Findings& findings) {
  std::set<std::string> all;
  std::map<std::string, std::vector<const Port*>> in_use;  // by their link
  for (const auto& port : host.ports) {
    if (!port.pci || !port.pcie) continue;
    all.insert(port.pci->slot());
    if (port.active() && !port.networks.empty()) in_use[port.pci->slot()].push_back(&port);
  }
  if (in_use.size() != 1 || all.size() < 2) return;
  check_shared_link(in_use.begin()->first, in_use.begin()->second, findings);
}

}  // namespace

void check_devices(const Evidence& host, Findings& findings) {
  check_presence(host, findings);
  check_opening(host, findings);
  check_width(host, findings);
  check_rate(host, findings);
  check_pcie_links(host, findings);
}

}  // namespace wiretax::doctor
