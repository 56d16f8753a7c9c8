#pragma once

// sysfs as hosts have it, written from what their owners report: what a test needs of
// /sys/class/infiniband, /sys/class/net and /sys/devices.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "own_folder.h"
#include "verbs/port.h"

namespace wiretax::verbs {

/// One function of a NIC.
struct Function {
  std::string device;  // of /sys/class/infiniband
  std::string netdev;
  std::string pci;   // "" for soft-RoCE
  std::string cage;  // phys_port_name
  std::string ipv4;  // "" for none; "a.b.c.d"
  std::string state = "4: ACTIVE";
  std::string rate = "200 Gb/sec (4X HDR)";
  std::string width = "4";
  std::string speed = "32.0 GT/s PCIe";
  std::string mtu = "9000";
  std::string bond = {};
  int prefix_length = 24;
};

class SysfsTree {
 public:
  SysfsTree() : root_(own_folder()) {
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_ / "class/infiniband");
  }
  ~SysfsTree() { std::filesystem::remove_all(root_); }
  SysfsTree(const SysfsTree&) = delete;
  SysfsTree& operator=(const SysfsTree&) = delete;

  [[nodiscard]] const std::filesystem::path& root() const { return root_; }

  void write(const std::filesystem::path& path, const std::string& text) const {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text << '\n';
  }

  void add(const Function& function) {
    const auto device = "class/infiniband/" + function.device;
    const auto port = device + "/ports/1";
    write(device + "/sys_image_guid", "4cbb:4703:0072:c2c4");
    write(device + "/fw_ver", "28.45.4028");
    write(port + "/state", function.state);
    write(port + "/link_layer", "Ethernet");
    write(port + "/rate", function.rate);
    const auto owner = function.bond.empty() ? function.netdev : function.bond;
    add_gid(function, 0, "fe80:0000:0000:0000:4ebb:47ff:fe2c:0001", "IB/RoCE v1", owner);
    add_gid(function, 1, "fe80:0000:0000:0000:4ebb:47ff:fe2c:0001", "RoCE v2", owner);
    if (!function.ipv4.empty()) {
      add_gid(function, 2, mapped(function.ipv4), "IB/RoCE v1", owner);
      add_gid(function, 3, mapped(function.ipv4), "RoCE v2", owner);
    }
    write(port + "/gids/4", "0000:0000:0000:0000:0000:0000:0000:0000");
    add_netdev(function);
    if (function.pci.empty()) {
      write(device + "/parent", function.netdev);
    } else {
      add_hardware(function);
    }
  }

  void add_gid(const Function& function, int index, const std::string& gid, const std::string& type,
               const std::string& netdev) const {
    const auto port = "class/infiniband/" + function.device + "/ports/1";
    write(fmt::format("{}/gids/{}", port, index), gid);
    write(fmt::format("{}/gid_attrs/types/{}", port, index), type);
    write(fmt::format("{}/gid_attrs/ndevs/{}", port, index), netdev);
  }

  /// "192.168.177.11" as ::ffff:c0a8:b10b.
  static std::string mapped(const std::string& ipv4) {
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    std::sscanf(ipv4.c_str(), "%u.%u.%u.%u", &a, &b, &c, &d);
    return fmt::format("0000:0000:0000:0000:0000:ffff:{:02x}{:02x}:{:02x}{:02x}", a, b, c, d);
  }

 private:
  void add_netdev(const Function& function) const {
    const auto folder = "class/net/" + function.netdev;
    write(folder + "/mtu", function.mtu);
    write(folder + "/phys_port_name", function.cage);
    if (function.bond.empty()) return;
    std::filesystem::create_directories(root_ / "class/net" / function.bond / "bonding");
    std::filesystem::create_symlink("../" + function.bond, root_ / folder / "master");
  }

  void add_hardware(const Function& function) const {
    const auto folder = "devices/pci/" + function.pci;
    write(folder + "/current_link_speed", function.speed);
    write(folder + "/current_link_width", function.width);
    write(folder + "/max_link_speed", "32.0 GT/s PCIe");
    write(folder + "/max_link_width", "16");
    write(folder + "/numa_node", "-1");
    write(folder + "/net/" + function.netdev + "/mtu", function.mtu);
    std::filesystem::create_symlink("../../../" + folder,
                                    root_ / "class/infiniband" / function.device / "device");
  }

  std::filesystem::path root_;
};

/// The four functions of a Spark's ConnectX-7, two for each cage. Addresses: .177 and .178 for the
/// halves of cage 0, .187 and .188 for those of cage 1; the host number last.
inline std::vector<Function> spark(int host) {
  const auto address = [&](int subnet) { return fmt::format("192.168.{}.{}", subnet, host); };
  return {{"rocep1s0f0", "enp1s0f0np0", "0000:01:00.0", "p0", address(177)},
          {"rocep1s0f1", "enp1s0f1np1", "0000:01:00.1", "p1", address(187)},
          {"roceP2p1s0f0", "enP2p1s0f0np0", "0002:01:00.0", "p0", address(178)},
          {"roceP2p1s0f1", "enP2p1s0f1np1", "0002:01:00.1", "p1", address(188)}};
}

/// No cable in cage `name`.
inline void unplug(std::vector<Function>& functions, const std::string& name) {
  for (auto& function : functions) {
    if (function.cage != name) continue;
    function.state = "1: DOWN";
    function.rate = "40 Gb/sec (4X QDR)";
    function.ipv4.clear();
  }
}

/// Each function's address in a /24, as the host's interfaces have it.
inline std::vector<Ipv4Network> networks_of(const std::vector<Function>& functions) {
  std::vector<Ipv4Network> networks;
  for (const auto& function : functions) {
    if (function.ipv4.empty()) continue;
    const Gid gid{.raw = *parse_gid(SysfsTree::mapped(function.ipv4)), .netdev = {}};
    const auto owner = function.bond.empty() ? function.netdev : function.bond;
    networks.push_back({owner, *gid.ipv4(), function.prefix_length});
  }
  return networks;
}

inline std::vector<Port> ports_of(const std::vector<Function>& functions) {
  SysfsTree tree;
  for (const auto& function : functions) tree.add(function);
  return find_ports(networks_of(functions), tree.root());
}

}  // namespace wiretax::verbs
