#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wiretax::bench {

/// An IPv4 interface of this host.
struct Interface {
  std::string name;
  std::uint32_t address = 0;  // host byte order
  int prefix_length = 0;
  int mtu = 0;
  bool loopback = false;
  /// Line rate in bytes per second. Only physical interfaces have one: veth and loopback invent
  /// theirs.
  std::optional<double> speed = std::nullopt;
};

/// What tells this process from one on another machine or in another network namespace.
struct HostFacts {
  std::string boot_id;
  std::string network_namespace;
  std::string kernel;
  std::string build_id;  // of this executable, as the linker wrote it
};

/// As it calls itself.
std::string host_name();
HostFacts host_facts();
std::vector<Interface> interfaces(bool also_down = false);

/// Share of a wire's bits that is TCP payload: each packet of `mtu` bytes carries 52 bytes of
/// headers (IPv4, TCP with timestamps) and takes 38 more on the wire (Ethernet header, check,
/// preamble, gap).
double tcp_efficiency(int mtu);
/// TCP payload per second on an interface.
std::optional<double> tcp_bound(const Interface& interface);

std::string format_address(std::uint32_t address);
std::uint32_t network_of(const Interface& interface);

/// Finds an interface by name or by an IPv4 network such as 192.168.100.0/24. Throws
/// Failure(kEnvironment) that lists what there is, or Failure(kUsage) for a malformed network.
Interface find_interface(const std::vector<Interface>& all, std::string_view name_or_network);

/// Bytes the kernel would give without swapping: MemAvailable of /proc/meminfo.
std::uint64_t available_memory();

/// Variables that change what the wire does, by an allow-list of prefixes: NCCL_, OMPI_MCA_, UCX_,
/// ...
std::vector<std::string> relevant_environment();

}  // namespace wiretax::bench
