#include "bench/harness/host.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "bench/harness/build_id.h"
#include "bench/harness/failure.h"
#include "report/units.h"

namespace wiretax::bench {
namespace {

std::string first_line(const std::filesystem::path& path) {
  std::ifstream stream(path);
  std::string line;
  std::getline(stream, line);
  return line;
}

std::optional<double> number_in(const std::filesystem::path& path) {
  const auto text = first_line(path);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} ? std::optional(value) : std::nullopt;
}

/// Speed in bytes per second. A virtual interface has no device behind it; -1 or 0 is unknown.
std::optional<double> speed_of(const std::string& name) {
  const std::filesystem::path base = "/sys/class/net/" + name;
  std::error_code missing;
  if (!std::filesystem::exists(base / "device", missing)) return std::nullopt;
  const auto megabits = number_in(base / "speed");
  if (!megabits || *megabits <= 0) return std::nullopt;
  return *megabits * 1e-3 * kGigabit;
}

Interface make_interface(const ifaddrs& entry) {
  const auto* address = reinterpret_cast<const sockaddr_in*>(entry.ifa_addr);
  const auto* mask = reinterpret_cast<const sockaddr_in*>(entry.ifa_netmask);
  Interface interface;
  interface.name = entry.ifa_name;
  interface.address = ntohl(address->sin_addr.s_addr);
  interface.prefix_length = std::popcount(mask->sin_addr.s_addr);
  interface.mtu =
      static_cast<int>(number_in("/sys/class/net/" + interface.name + "/mtu").value_or(0));
  interface.loopback = (entry.ifa_flags & IFF_LOOPBACK) != 0;
  interface.speed = speed_of(interface.name);
  return interface;
}

std::uint32_t mask_of(int prefix_length) {
  return prefix_length == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix_length);
}

struct Subnet {
  std::uint32_t address;
  int prefix_length;
};

Subnet parse_subnet(std::string_view text) {
  const auto slash = text.find('/');
  const std::string address(text.substr(0, slash));
  const auto length = text.substr(slash + 1);
  Subnet network{};
  in_addr parsed{};
  const auto [end, error] =
      std::from_chars(length.data(), length.data() + length.size(), network.prefix_length);
  if (inet_pton(AF_INET, address.c_str(), &parsed) != 1 || error != std::errc{} ||
      end != length.data() + length.size() || network.prefix_length < 0 ||
      network.prefix_length > 32) {
    throw Failure(ExitCode::kUsage,
                  fmt::format("--interface {}: not a network such as 192.168.100.0/24", text));
  }
  network.address = ntohl(parsed.s_addr) & mask_of(network.prefix_length);
  return network;
}

std::string list_of(const std::vector<Interface>& all) {
  std::string list;
  for (const auto& interface : all) {
    list += fmt::format("{}{} {}/{}", list.empty() ? "" : ", ", interface.name,
                        format_address(interface.address), interface.prefix_length);
  }
  return list.empty() ? "none" : list;
}

}  // namespace

std::string host_name() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

HostFacts host_facts() {
  HostFacts facts;
  facts.boot_id = first_line("/proc/sys/kernel/random/boot_id");
  std::error_code ignored;
  facts.network_namespace = std::filesystem::read_symlink("/proc/self/ns/net", ignored).string();
  utsname system{};
  if (uname(&system) == 0) facts.kernel = fmt::format("{} {}", system.release, system.machine);
  facts.build_id = own_build_id();
  return facts;
}

std::vector<Interface> interfaces(bool also_down) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) throw system_failure(ExitCode::kEnvironment, "getifaddrs", errno);
  std::vector<Interface> found;
  for (const auto* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET) continue;
    if (also_down || (entry->ifa_flags & IFF_UP) != 0) found.push_back(make_interface(*entry));
  }
  freeifaddrs(list);
  return found;
}

double tcp_efficiency(int mtu) {
  constexpr double kHeaders = 52;
  constexpr double kFraming = 38;
  return (mtu - kHeaders) / (mtu + kFraming);
}

std::optional<double> tcp_bound(const Interface& interface) {
  if (!interface.speed) return std::nullopt;
  return *interface.speed * tcp_efficiency(interface.mtu);
}

std::string format_address(std::uint32_t address) {
  const in_addr raw{htonl(address)};
  std::array<char, INET_ADDRSTRLEN> text{};
  return inet_ntop(AF_INET, &raw, text.data(), text.size());
}

std::uint32_t network_of(const Interface& interface) {
  return interface.address & mask_of(interface.prefix_length);
}

Interface find_interface(const std::vector<Interface>& all, std::string_view name_or_network) {
  const bool is_network = name_or_network.find('/') != std::string_view::npos;
  const auto network = is_network ? parse_subnet(name_or_network) : Subnet{};
  const auto found = std::ranges::find_if(all, [&](const Interface& interface) {
    return is_network ? (interface.address & mask_of(network.prefix_length)) == network.address
                      : interface.name == name_or_network;
  });
  if (found != all.end()) return *found;
  throw Failure(ExitCode::kEnvironment,
                fmt::format("--interface {}: no such IPv4 interface is up here; there is: {}",
                            name_or_network, list_of(all)));
}

std::uint64_t available_memory() {
  std::ifstream stream("/proc/meminfo");
  std::string label;
  std::uint64_t kibibytes = 0;
  std::string unit;
  while (stream >> label >> kibibytes) {
    if (label == "MemAvailable:") return kibibytes * kKibibyte;
    std::getline(stream, unit);
  }
  throw Failure(ExitCode::kEnvironment, "/proc/meminfo: no MemAvailable");
}

std::vector<std::string> relevant_environment() {
  constexpr std::array<std::string_view, 5> kPrefixes = {"NCCL_", "OMPI_MCA_", "UCX_", "WIRETAX_",
                                                         "OMP_NUM_THREADS="};
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    // Open MPI's own start-up values carry keys and addresses of the job, and say nothing of the
    // wire.
    if (text.starts_with("OMPI_MCA_orte") || text.starts_with("OMPI_MCA_pmix") ||
        text.starts_with("OMPI_MCA_ess") || text.starts_with("OMPI_MCA_initial_wdir")) {
      continue;
    }
    if (std::ranges::any_of(kPrefixes, [&](auto prefix) { return text.starts_with(prefix); })) {
      variables.emplace_back(text);
    }
  }
  std::ranges::sort(variables);
  return variables;
}

}  // namespace wiretax::bench
