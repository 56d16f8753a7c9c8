// Whether RDMA devices are there, can be opened, and have their whole width.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
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

void check_presence(const Evidence& host, Findings& findings) {
  const auto devices = hardware_devices(host);
  if (host.spark() && host.rdma_functions == 0 && host.ports.empty()) {
    findings.add("no-cable", "no RDMA device, and no function of vendor 15b3 on PCI");
  }
  // Elsewhere such a card may be there for Ethernet alone.
  const bool meant_for_rdma = host.spark() || devices > 0;
  if (devices < static_cast<std::size_t>(host.rdma_functions) && !host.container &&
      meant_for_rdma) {
    findings.add("device-vanished", host.spark() ? Severity::kFault : Severity::kWarning,
                 fmt::format("{} network functions of vendor 15b3 on PCI, {} RDMA devices",
                             host.rdma_functions, devices));
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

void check_width(const Evidence& host, Findings& findings) {
  for (const auto& port : host.ports) {
    if (!port.pcie) continue;
    const bool narrow = std::ranges::any_of(host.ports, [&](const Port& twin) {
      return twin.pcie && twin.device != port.device && twin.cage() == port.cage() &&
             twin.pcie->bytes_per_s() > port.pcie->bytes_per_s();
    });
    constexpr int kLanes = 4;
    constexpr double kGen5 = 32;
    const bool below_a_spark =
        host.spark() && (port.pcie->lanes < kLanes || port.pcie->gigatransfers_per_s < kGen5);
    if (!narrow && !below_a_spark) continue;
    findings.add("half-pcie-narrow", fmt::format("{} at {} is {}, not Gen5 x4", port.name(),
                                                 port.pci->text(), port.pcie->text()));
  }
}

void check_rate(const Evidence& host, Findings& findings) {
  constexpr double kWhole = 200 * kGigabit;
  constexpr double kHalf = 100 * kGigabit;
  for (const auto& port : host.ports) {
    if (!port.active() || port.emulated() || port.rate_bytes_per_s != kHalf) continue;
    const bool others_do_more = std::ranges::any_of(host.ports, [&](const Port& other) {
      return other.active() && other.rate_bytes_per_s >= kWhole;
    });
    if (host.spark() || others_do_more) {
      findings.add("switch-at-100g", port.name() + " runs at 100 Gb/s");
    }
  }
}

void check_pcie_links(const Evidence& host, Findings& findings) {
  std::set<std::string> slots;
  std::set<std::string> active;
  std::set<std::string> all;
  for (const auto& port : host.ports) {
    if (!port.pci) continue;
    all.insert(port.pci->slot());
    if (!port.active() || port.networks.empty()) continue;
    slots.insert(port.pci->slot());
    active.insert(port.name());
  }
  if (active.size() < 2 || slots.size() > 1 || all.size() < 2) return;
  findings.add("same-pcie-link", fmt::format("{} share the PCIe link {}",
                                             fmt::join(active, " and "), *slots.begin()));
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
