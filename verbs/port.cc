#include "verbs/port.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <fstream>

namespace wiretax::verbs {
namespace {

namespace fs = std::filesystem;

constexpr double kGigabit = 1e9 / 8;

/// The first line, or nothing: an empty slot of a table reads as an error.
std::string line_of(const fs::path& path) {
  std::ifstream stream(path);
  std::string line;
  std::getline(stream, line);
  return line;
}

double number_in(const std::string& text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// "4: ACTIVE" is "ACTIVE".
std::string after_colon(const std::string& text) {
  const auto colon = text.find(": ");
  return colon == std::string::npos ? text : text.substr(colon + 2);
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::error_code missing;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder, missing)) found.push_back(entry.path());
  std::ranges::sort(found);
  return found;
}

std::optional<PcieLink> link_of(const fs::path& device, const char* speed, const char* width) {
  const PcieLink link{number_in(line_of(device / speed)),
                      static_cast<int>(number_in(line_of(device / width)))};
  if (link.gigatransfers_per_s <= 0 || link.lanes <= 0) return std::nullopt;
  return link;
}

GidType type_of(const std::string& text) {
  if (text == "RoCE v2") return GidType::kRoceV2;
  if (text == "IB/RoCE v1") return GidType::kRoceV1;
  return GidType::kUnknown;
}

std::vector<Gid> gids_of(const fs::path& port, bool ethernet) {
  std::vector<Gid> gids;
  for (const auto& entry : entries_of(port / "gids")) {
    const auto raw = parse_gid(line_of(entry));
    if (!raw || std::ranges::count(*raw, 0) == 16) continue;
    const auto slot = entry.filename();
    Gid gid{.index = static_cast<int>(number_in(slot.string())),
            .raw = *raw,
            .type = type_of(line_of(port / "gid_attrs/types" / slot)),
            .netdev = line_of(port / "gid_attrs/ndevs" / slot)};
    if (!ethernet) gid.type = GidType::kInfiniBand;
    gids.push_back(std::move(gid));
  }
  std::ranges::sort(gids, {}, &Gid::index);
  return gids;
}

/// A bond's GIDs name the bond, so the device's own interfaces are asked first.
std::string netdev_of(const fs::path& device, const Port& port) {
  const auto interfaces = entries_of(device / "device/net");
  for (const auto& interface : interfaces) {  // a function with several ports numbers them from 0
    const auto place = line_of(interface / "dev_port");
    if (!place.empty() && static_cast<int>(number_in(place)) == port.number - 1) {
      return interface.filename();
    }
  }
  if (!interfaces.empty()) return interfaces.front().filename();
  auto parent = line_of(device / "parent");  // of soft-RoCE
  if (!parent.empty()) return parent;
  const auto named =
      std::ranges::find_if(port.gids, [](const Gid& g) { return !g.netdev.empty(); });
  return named == port.gids.end() ? "" : named->netdev;
}

/// A bond, a bridge or the like that the interface belongs to.
std::string master_of(const fs::path& sysfs, const std::string& netdev) {
  std::error_code none;
  return fs::read_symlink(sysfs / "class/net" / netdev / "master", none).filename();
}

void read_netdev(const fs::path& sysfs, Port& port) {
  const auto folder = sysfs / "class/net" / port.netdev;
  port.netdev_mtu = static_cast<int>(number_in(line_of(folder / "mtu")));
  port.phys_port_name = line_of(folder / "phys_port_name");
  std::error_code none;
  const auto master = master_of(sysfs, port.netdev);
  if (fs::exists(sysfs / "class/net" / master / "bonding", none)) port.bond = master;
}

void read_hardware(const fs::path& device, Port& port) {
  std::error_code none;
  const auto real = fs::canonical(device / "device", none);
  port.pci = parse_pci(real.filename().string());
  port.pcie = link_of(real, "current_link_speed", "current_link_width");
  port.pcie_possible = link_of(real, "max_link_speed", "max_link_width");
  const auto numa = line_of(real / "numa_node");
  if (!numa.empty()) port.numa_node = static_cast<int>(number_in(numa));
}

Port read_port(const fs::path& sysfs, const fs::path& device, const fs::path& folder) {
  Port port;
  port.device = device.filename();
  port.number = static_cast<int>(number_in(folder.filename().string()));
  port.state = after_colon(line_of(folder / "state"));
  port.link_layer = line_of(folder / "link_layer");
  port.rate_bytes_per_s = number_in(line_of(folder / "rate")) * kGigabit;
  port.gids = gids_of(folder, port.ethernet());
  port.sys_image_guid = line_of(device / "sys_image_guid");
  port.firmware = line_of(device / "fw_ver");
  read_hardware(device, port);
  port.netdev = netdev_of(device, port);
  if (!port.netdev.empty()) read_netdev(sysfs, port);
  return port;
}

}  // namespace

std::string PciAddress::text() const { return fmt::format("{}.{}", slot(), function); }

std::string PciAddress::slot() const {
  return fmt::format("{:04x}:{:02x}:{:02x}", domain, bus, device);
}

std::optional<PciAddress> parse_pci(std::string_view text) {
  PciAddress address;
  int read = 0;
  const std::string copy(text);
  if (std::sscanf(copy.c_str(), "%4x:%2x:%2x.%1x%n", &address.domain, &address.bus, &address.device,
                  &address.function, &read) != 4 ||
      static_cast<std::size_t>(read) != copy.size()) {
    return std::nullopt;
  }
  return address;
}

double PcieLink::bytes_per_s() const {
  constexpr double kGen3 = 8;
  const double code = gigatransfers_per_s < kGen3 ? 8.0 / 10 : 128.0 / 130;
  return gigatransfers_per_s * kGigabit * lanes * code;
}

std::string PcieLink::text() const {
  constexpr std::array kGenerations = {2.5, 5.0, 8.0, 16.0, 32.0, 64.0};
  const auto* const found = std::ranges::find(kGenerations, gigatransfers_per_s);
  if (found == kGenerations.end()) return fmt::format("{} GT/s x{}", gigatransfers_per_s, lanes);
  return fmt::format("Gen{} x{}", found - kGenerations.begin() + 1, lanes);
}

bool Ipv4Network::contains(std::uint32_t other) const {
  const auto mask = prefix_length == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix_length);
  return (address & mask) == (other & mask);
}

bool Ipv4Network::link_local() const { return address >> 16U == 0xa9feU; }

std::string Port::name() const {
  return number == 1 ? device : fmt::format("{}:{}", device, number);
}

std::string Port::cage() const {
  return phys_port_name.empty() ? name() : fmt::format("{} of {}", phys_port_name, sys_image_guid);
}

std::vector<Port> find_ports(const std::vector<Ipv4Network>& networks, const fs::path& sysfs) {
  std::vector<Port> ports;
  for (const auto& device : entries_of(sysfs / "class/infiniband")) {
    for (const auto& folder : entries_of(device / "ports")) {
      auto& port = ports.emplace_back(read_port(sysfs, device, folder));
      const auto master = master_of(sysfs, port.netdev);
      for (const auto& network : networks) {
        const bool its_own = network.netdev == port.netdev || network.netdev == master;
        if (its_own) port.networks.push_back(network);
      }
    }
  }
  return ports;
}

}  // namespace wiretax::verbs
