#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wiretax {

/// An item of "NET/IB : Using [0]rocep1s0f0:1/RoCE", or of "NET/Socket : Using
/// [0]eth0:10.0.0.1<0>".
struct NetDevice {
  int index = 0;
  std::string name;  // members of a merged device stand with + between them
};

/// The items between "Using" and "OOB". Whatever is not understood ends the list.
std::vector<NetDevice> parse_ib_devices(std::string_view items);
std::vector<NetDevice> parse_socket_interfaces(std::string_view items);

/// Where a device sits, as far as its name says (rdma-core's NAME_PCI: roceP2p1s0f1).
struct DevicePlace {
  int domain = 0;    // PCI domain
  int bus = 0;       // and bus: together, one PCIe link
  int function = 0;  // of a ConnectX: the cage
  bool operator==(const DevicePlace&) const = default;
};
std::optional<DevicePlace> place_of(std::string_view device);

/// "p1/B": cage and half of a DGX Spark's adapter; empty for other names.
std::string spark_half(std::string_view device);

/// "a+b" to a and b.
std::vector<std::string> merged_members(std::string_view device);

}  // namespace wiretax
