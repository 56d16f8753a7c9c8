#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "verbs/gid.h"

namespace wiretax::verbs {

/// Where a function sits on PCI: "0002:01:00.1".
struct PciAddress {
  unsigned domain = 0;
  unsigned bus = 0;
  unsigned device = 0;
  unsigned function = 0;

  bool operator==(const PciAddress&) const = default;
  [[nodiscard]] std::string text() const;
  /// Without the function: what shares one link. "0002:01:00"
  [[nodiscard]] std::string slot() const;
};
std::optional<PciAddress> parse_pci(std::string_view text);

/// A PCIe link as it was negotiated.
struct PcieLink {
  double gigatransfers_per_s = 0;  // of one lane: 32 is Gen5
  int lanes = 0;

  bool operator==(const PcieLink&) const = default;
  /// One way, after the line code: 8b/10b up to Gen2, 128b/130b above (PCI Express base
  /// specification). Packet headers are not taken off.
  [[nodiscard]] double bytes_per_s() const;
  [[nodiscard]] std::string text() const;  // "Gen5 x4"
};

/// An IPv4 address of a network interface, host byte order.
struct Ipv4Network {
  std::string netdev;
  std::uint32_t address = 0;
  int prefix_length = 0;

  [[nodiscard]] bool contains(std::uint32_t other) const;
  [[nodiscard]] bool link_local() const;  // of 169.254.0.0/16
};

/// One port of an RDMA device, as sysfs tells of it without any right or library
/// (Documentation/ABI/stable/sysfs-class-infiniband).
struct Port {
  std::string device;  // "rocep1s0f0"; another name in a container
  int number = 1;
  std::string state;       // "ACTIVE"
  std::string link_layer;  // "Ethernet" or "InfiniBand"
  double rate_bytes_per_s = 0;
  std::optional<PciAddress> pci;  // absent for soft-RoCE
  std::optional<PcieLink> pcie;
  std::optional<PcieLink> pcie_possible;
  std::string netdev;
  int netdev_mtu = 0;
  std::string bond;            // that the netdev belongs to
  std::string phys_port_name;  // the cage: twins have the same
  std::string sys_image_guid;  // the NIC: all functions of a socket-direct one have the same
  std::string firmware;
  int numa_node = -1;
  std::vector<Gid> gids;
  std::vector<Ipv4Network> networks;  // of the netdev
  int active_mtu = 0;                 // bytes; only libibverbs tells, 0 before

  [[nodiscard]] bool active() const { return state == "ACTIVE"; }
  [[nodiscard]] bool ethernet() const { return link_layer == "Ethernet"; }
  /// Made by software: has no hardware, and so no bound.
  [[nodiscard]] bool emulated() const { return !pci; }
  /// "rocep1s0f0", with ":2" for a second port.
  [[nodiscard]] std::string name() const;
  /// What tells cages apart on one host: the NIC and the cage's name.
  [[nodiscard]] std::string cage() const;
};

/// All ports, by device name and number. `networks`: the host's IPv4 addresses, whose
/// prefix lengths no GID tells.
std::vector<Port> find_ports(const std::vector<Ipv4Network>& networks,
                             const std::filesystem::path& sysfs = "/sys");

}  // namespace wiretax::verbs
