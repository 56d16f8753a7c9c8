#include "bench/doctor/gather.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "bench/doctor/libraries.h"
#include "bench/harness/host.h"

namespace wiretax::doctor {
namespace {

namespace fs = std::filesystem;

std::string first_line(const fs::path& path) {
  std::ifstream stream(path);
  std::string line;
  std::getline(stream, line);
  return line;
}

std::vector<fs::path> entries(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder, error)) found.push_back(entry.path());
  std::ranges::sort(found);
  return found;
}

bool there_is(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

template <typename Number>
std::optional<Number> number_of(std::string_view text, int base = 10) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

std::string trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1));
}

/// Lines such as "MemAvailable:   123 kB", of those that matter here.
std::map<std::string, std::uint64_t> memory_of(const Roots& roots) {
  std::map<std::string, std::uint64_t> memory;
  std::ifstream stream(roots.proc / "meminfo");
  for (std::string line; std::getline(stream, line);) {
    const auto colon = line.find(':');
    const auto name = line.substr(0, colon);
    if (name != "MemTotal" && name != "MemAvailable" && name != "CmaTotal" && name != "CmaFree") {
      continue;
    }
    constexpr std::uint64_t kKibibyte = 1024;
    const auto kibibytes = number_of<std::uint64_t>(trimmed(line.substr(colon + 1)));
    if (kibibytes) memory[name] = *kibibytes * kKibibyte;
  }
  return memory;
}

/// 0, or why it cannot be opened.
int try_open(const fs::path& path) {
  const int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return errno;
  close(file);
  return 0;
}

int functions_on_pci(const Roots& roots) {
  constexpr const char* kNvidiaNetworking = "0x15b3";
  int count = 0;
  for (const auto& device : entries(roots.sys / "bus/pci/devices")) {
    const auto kind = first_line(device / "class");
    const bool network = kind.starts_with("0x0200") || kind.starts_with("0x0207");
    if (network && first_line(device / "vendor") == kNvidiaNetworking) ++count;
  }
  return count;
}

/// x86's processors say so among their flags.
bool under_a_hypervisor(const Roots& roots) {
  std::ifstream stream(roots.proc / "cpuinfo");
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("flags")) return line.find(" hypervisor") != std::string::npos;
  }
  return false;
}

/// Cores that a container's quota is worth: cgroup v2 has quota and period in one file, v1 in two,
/// with "max" and -1 for none.
std::optional<double> cpu_limit_of(const Roots& roots) {
  const auto cgroup = roots.sys / "fs/cgroup";
  std::istringstream line(there_is(cgroup / "cpu.max")
                              ? first_line(cgroup / "cpu.max")
                              : first_line(cgroup / "cpu/cpu.cfs_quota_us") + ' ' +
                                    first_line(cgroup / "cpu/cpu.cfs_period_us"));
  std::string quota;
  double period = 0;
  if (!(line >> quota >> period) || period <= 0) return std::nullopt;
  const auto microseconds = number_of<std::uint64_t>(quota);
  return microseconds ? std::optional(static_cast<double>(*microseconds) / period) : std::nullopt;
}

/// What a container may still take of memory: cgroup v2's names, then v1's. "max" is none, and v1's
/// largest number stands for none.
std::optional<std::uint64_t> memory_left_of(const Roots& roots) {
  constexpr std::uint64_t kNone = std::uint64_t{1} << 60;
  const auto cgroup = roots.sys / "fs/cgroup";
  const bool second = there_is(cgroup / "memory.max");
  const auto v1 = cgroup / "memory";
  const auto most = number_of<std::uint64_t>(
      first_line(second ? cgroup / "memory.max" : v1 / "memory.limit_in_bytes"));
  const auto taken = number_of<std::uint64_t>(
      first_line(second ? cgroup / "memory.current" : v1 / "memory.usage_in_bytes"));
  if (!most || !taken || *most >= kNone) return std::nullopt;
  return *most - std::min(*most, *taken);
}

std::optional<std::uint64_t> shared_memory_size() {
  struct statvfs shm {};
  if (statvfs("/dev/shm", &shm) != 0) return std::nullopt;
  return static_cast<std::uint64_t>(shm.f_blocks) * shm.f_frsize;
}

/// What is left to the user: it takes root, and is not read even then.
std::string left_to_the_user() {
  const std::string root = geteuid() == 0 ? "" : "sudo ";
  return fmt::format(
      "firewall rules, netplan's files and the kernel's log, which are not looked at: {0}nft list "
      "ruleset; {0}cat /etc/netplan/*.yaml; {0}dmesg | grep -i mlx5",
      root);
}

/// NCCL takes the user's folder from there, and not from HOME (src/misc/param.cc).
std::string home_of_user() {
  const passwd* const user = getpwuid(getuid());
  return user == nullptr || user->pw_dir == nullptr ? "" : user->pw_dir;
}

/// Root may lock any number of pages, as may who has the right to (CAP_IPC_LOCK is bit 14).
bool may_lock_any(const Roots& roots) {
  constexpr std::string_view kName = "CapEff:";
  constexpr unsigned kIpcLock = 14;
  std::ifstream stream(roots.proc / "self/status");
  for (std::string line; std::getline(stream, line);) {
    if (!line.starts_with(kName)) continue;
    const auto rights = number_of<std::uint64_t>(trimmed(line.substr(kName.size())), 16);
    return rights && ((*rights >> kIpcLock) & 1U) != 0;
  }
  return false;
}

std::optional<std::uint64_t> memlock(const Roots& roots) {
  rlimit limit{};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
      may_lock_any(roots)) {
    return std::nullopt;
  }
  return limit.rlim_cur;
}

/// What changes where an engine's or a tool's messages go.
std::map<std::string, std::string> environment_here() {
  std::map<std::string, std::string> environment;
  for (const auto& entry : bench::relevant_environment()) {
    const auto equals = entry.find('=');
    environment[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  for (const char* const name :
       {"VLLM_HOST_IP", "SGLANG_HOST_IP", "GLOO_SOCKET_IFNAME", "TP_SOCKET_IFNAME"}) {
    if (const char* const value = std::getenv(name)) environment[name] = value;
  }
  return environment;
}

std::vector<verbs::Ipv4Network> networks_here() {
  std::vector<verbs::Ipv4Network> networks;
  for (const auto& interface : bench::interfaces(true)) {
    networks.push_back({interface.name, interface.address, interface.prefix_length});
  }
  return networks;
}

void add_governors(const Roots& roots, Evidence& evidence) {
  for (const auto& policy : entries(roots.sys / "devices/system/cpu/cpufreq")) {
    std::istringstream cores(first_line(policy / "related_cpus"));
    int count = 0;
    for (std::string core; cores >> core;) ++count;
    const auto governor = first_line(policy / "scaling_governor");
    if (governor.empty()) continue;
    evidence.governors[governor] += std::max(count, 1);
    evidence.frequency_driver = first_line(policy / "scaling_driver");
  }
}

void add_conf(const fs::path& path, std::vector<Setting>& settings,
              std::vector<std::string>& unseen) {
  if (!there_is(path)) return;
  std::ifstream stream(path);
  if (!stream) {
    unseen.push_back(fmt::format("{}: {}", path.string(), std::strerror(errno)));
    return;
  }
  for (std::string line; std::getline(stream, line);) {
    const auto equals = line.find('=');
    const auto name = trimmed(line.substr(0, equals));
    // Only these are told to others: what else stands there may be a secret.
    if (equals == std::string::npos || !name.starts_with("NCCL_")) continue;
    settings.push_back({path.string(), name, trimmed(line.substr(equals + 1))});
  }
}

}  // namespace

std::vector<NetInterface> interfaces_of(const Roots& roots,
                                        const std::vector<verbs::Ipv4Network>& networks) {
  std::vector<NetInterface> interfaces;
  for (const auto& folder : entries(roots.sys / "class/net")) {
    NetInterface interface;
    interface.name = folder.filename();
    const auto state = first_line(folder / "operstate");
    interface.up = state == "up" || state == "unknown";  // loopback and tunnels do not know
    interface.wireless = there_is(folder / "wireless") || there_is(folder / "phy80211");
    interface.physical = there_is(folder / "device");
    interface.mtu = number_of<int>(first_line(folder / "mtu")).value_or(0);
    std::ranges::copy_if(
        networks, std::back_inserter(interface.networks),
        [&](const verbs::Ipv4Network& network) { return network.netdev == interface.name; });
    interfaces.push_back(std::move(interface));
  }
  return interfaces;
}

/// The route to 0.0.0.0 with the smallest metric (proc(5): columns Iface, Destination, Gateway,
/// Flags, RefCnt, Use, Metric).
std::string default_interface_of(const Roots& roots) {
  std::ifstream stream(roots.proc / "net/route");
  std::string line;
  std::getline(stream, line);  // the titles
  std::string best;
  long least = 0;
  while (std::getline(stream, line)) {
    std::istringstream columns(line);
    std::string name;
    std::string destination;
    std::string skipped;
    long metric = 0;
    if (!(columns >> name >> destination >> skipped >> skipped >> skipped >> skipped >> metric) ||
        destination != "00000000" || (!best.empty() && metric >= least)) {
      continue;
    }
    best = name;
    least = metric;
  }
  return best;
}

std::vector<Setting> nccl_conf_of(const Roots& roots, std::vector<std::string>& unseen) {
  std::vector<Setting> settings;
  // The user's own comes first: NCCL lets it win. Since 2.23 another file may stand for it.
  if (!roots.nccl_conf.empty()) {
    if (!there_is(roots.nccl_conf)) {
      unseen.push_back(
          fmt::format("NCCL_CONF_FILE={}: there is no such file", roots.nccl_conf.string()));
    }
    add_conf(roots.nccl_conf, settings, unseen);
  } else if (!roots.home.empty()) {
    add_conf(roots.home / ".nccl.conf", settings, unseen);
  }
  add_conf(roots.etc / "nccl.conf", settings, unseen);
  return settings;
}

void add_files(const Roots& roots, Evidence& evidence) {
  evidence.product = trimmed(first_line(roots.sys / "class/dmi/id/product_name"));
  evidence.rdma_functions = functions_on_pci(roots);
  for (const auto& file : entries(roots.dev / "infiniband")) {
    if (!file.filename().string().starts_with("uverbs")) continue;
    evidence.device_files["/dev/infiniband/" + file.filename().string()] = try_open(file);
  }
  evidence.default_interface = default_interface_of(roots);
  evidence.network_manager = there_is(roots.run / "NetworkManager");
  evidence.memory = memory_of(roots);
  evidence.container = there_is(roots.run / ".containerenv") ||
                       there_is(roots.etc.parent_path() / ".dockerenv") ||
                       there_is(roots.run / "systemd/container");
  evidence.virtual_machine = under_a_hypervisor(roots);
  evidence.cpu_limit = cpu_limit_of(roots);
  evidence.memory_left = memory_left_of(roots);
  evidence.clocksource =
      first_line(roots.sys / "devices/system/clocksource/clocksource0/current_clocksource");
  add_governors(roots, evidence);
  evidence.nccl_conf = nccl_conf_of(roots, evidence.unseen);
}

Evidence gather() {
  Roots roots;
  roots.home = home_of_user();
  if (const char* const file = std::getenv("NCCL_CONF_FILE")) roots.nccl_conf = file;
  const auto facts = bench::host_facts();
  Evidence evidence;
  evidence.host = bench::host_name();
  evidence.who = evidence.host;
  evidence.boot_id = facts.boot_id;
  evidence.build_id = facts.build_id;
  evidence.kernel = facts.kernel;
  add_files(roots, evidence);
  const auto networks = networks_here();
  evidence.interfaces = interfaces_of(roots, networks);
  evidence.ports = verbs::find_ports(networks);
  evidence.memlock = memlock(roots);
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof cores, &cores) == 0) evidence.cores = CPU_COUNT(&cores);
  evidence.environment = environment_here();
  add_libraries(evidence);
  evidence.shared_memory_size = shared_memory_size();
  if (evidence.rdma_functions > 0 || !evidence.ports.empty()) {
    evidence.unseen.push_back(left_to_the_user());
  }
  return evidence;
}

}  // namespace wiretax::doctor
