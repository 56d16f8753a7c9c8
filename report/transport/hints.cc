// What a log shows beside the verdict.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "report/catalogue.h"
#include "report/transport/networks.h"
#include "report/transport/reasons.h"

namespace wiretax {
namespace {

using Findings = std::vector<Finding>;

constexpr std::array<std::string_view, 7> kSlowInterfaces = {"wl",  "tailscale", "docker", "veth",
                                                             "br-", "virbr",     "cni"};

bool is_slow(std::string_view interface) {
  return std::ranges::any_of(kSlowInterfaces,
                             [&](auto prefix) { return interface.starts_with(prefix); });
}

void add_interfaces(const Process& process, Findings& findings) {
  if (process.bootstrap_line && is_slow(process.bootstrap)) {
    findings.push_back(
        {"wrong-interface",
         true,
         fmt::format("{} meets the others over {}", name_of(process), process.bootstrap),
         {*process.bootstrap_line}});
  }
  for (const auto& interface : process.socket_interfaces) {
    if (!process.socket_line || !interface.name.starts_with("bond")) continue;
    findings.push_back({"bonded-halves",
                        true,
                        fmt::format("{} uses {}", name_of(process), interface.name),
                        {*process.socket_line}});
  }
  for (const auto& device : process.ib_devices) {
    if (!process.ib_line || device.name.find("bond") == std::string::npos) continue;
    findings.push_back({"bonded-halves",
                        true,
                        fmt::format("{} uses {}", name_of(process), device.name),
                        {*process.ib_line}});
  }
}

/// The physical devices that channels of the process use, and a line that shows it.
struct Used {
  std::set<std::string> devices;
  std::vector<Evidence> lines;
};

Used devices_used(const Process& process, const std::vector<Membership>& memberships) {
  Used used;
  for (const auto index : process.memberships) {
    for (const auto& [kind, use] : memberships[index].channels) {
      if (!kind.transport.starts_with("NET/IB")) continue;
      for (auto& name : merged_members(device_name(process, kind))) used.devices.insert(name);
      if (used.lines.empty()) used.lines.push_back(use.first);
    }
  }
  return used;
}

/// Both halves of the cage that `device` belongs to.
std::string both_halves(std::string_view device) {
  const auto kind = device.substr(0, device.find_first_of("pP"));
  const auto cage = device.substr(device.rfind('f'));
  return fmt::format("NCCL_IB_HCA={0}p1s0{1},{0}P2p1s0{1}, and an IPv4 address for both.", kind,
                     cage);
}

/// Only for devices whose names say where they sit in a DGX Spark.
void add_halves(const Process& process, const std::vector<Membership>& memberships,
                Findings& findings) {
  const auto used = devices_used(process, memberships);
  if (used.devices.empty()) return;
  std::set<char> links;
  for (const auto& device : used.devices) {
    const auto half = spark_half(device);
    if (half.empty()) return;
    links.insert(half.back());
  }
  if (links.size() != 1) return;
  const auto& first = *used.devices.begin();
  if (used.devices.size() == 1) {
    findings.push_back({"one-half-only", true,
                        fmt::format("all channels of {} go over {}, one half of its cage",
                                    name_of(process), first),
                        used.lines, both_halves(first)});
  } else {
    findings.push_back(
        {"same-pcie-link", true,
         fmt::format("{} devices of {} share one PCIe link", used.devices.size(), name_of(process)),
         used.lines});
  }
}

void add_sign(const Process& process, Sign sign, const char* symptom, std::string_view text,
              Findings& findings) {
  const auto found = process.signs.find(sign);
  if (found == process.signs.end()) return;
  findings.push_back(
      {symptom, true, fmt::format("{} {}", name_of(process), text), {found->second}});
}

/// Only where names say that all devices are a DGX Spark's.
bool is_spark(const Process& process) {
  return !process.ib_devices.empty() &&
         std::ranges::all_of(process.ib_devices, [](const NetDevice& device) {
           return !spark_half(merged_members(device.name).front()).empty();
         });
}

Finding without_gdr(const Process& process, const Evidence& line) {
  if (is_spark(process)) {
    return {"gdr-zero",
            true,
            fmt::format("{} copies through host memory (GDR 0), which is normal on GB10",
                        name_of(process)),
            {line}};
  }
  return {"gdr-zero",
          true,
          fmt::format("{} does not use GPUDirect RDMA (GDR 0); on other machines than GB10 that "
                      "costs bandwidth",
                      name_of(process)),
          {line}};
}

void add_gdr(const Process& process, const std::vector<Membership>& memberships,
             Findings& findings) {
  for (const auto index : process.memberships) {
    const auto& channels = memberships[index].channels;
    const auto found = std::ranges::find_if(channels, [](const auto& channel) {
      const auto& kind = channel.first;
      return kind.is_net() && !kind.gdr && kind.transport != "NET/Socket";
    });
    if (found != channels.end()) findings.push_back(without_gdr(process, found->second.first));
  }
}

void add_hang(const Process& process, const std::vector<Membership>& memberships,
              const std::string& version, Findings& findings) {
  const auto& own = process.version.empty() ? version : process.version;
  if (!own.starts_with("2.30.4")) return;
  for (const auto index : process.memberships) {
    const auto& membership = memberships[index];
    if (membership.ranks <= 1 || membership.complete || membership.connected) continue;
    findings.push_back({"nvls-hang",
                        false,
                        fmt::format("{} did not finish its set-up", name_of(process)),
                        {membership.first}});
  }
}

void add_plugin(const Process& process, Findings& findings) {
  for (const auto& network : process.networks) {
    if (network.name == "IB" || network.name == "Socket") continue;
    findings.push_back(
        {"external-plugin",
         true,
         fmt::format("{} uses {}{}{}", name_of(process), network.name,
                     process.provider.empty() ? "" : " with the provider ", process.provider),
         {network.line}});
  }
}

/// Settings that a rank needs. NCCL_IB_DISABLE is not among them: where it is set, it is the fault.
constexpr std::array<const char*, 5> kNeeded = {"NCCL_IB_HCA", "NCCL_NET", "NCCL_NET_PLUGIN",
                                                "NCCL_SOCKET_IFNAME", "NCCL_IB_GID_INDEX"};

bool is_fault(std::string_view name, const std::string& value) {
  return name == "NCCL_NET" && lower_case(value) == "socket";
}

}  // namespace

std::vector<Finding> hints_of(const Process& process, const std::vector<Membership>& memberships,
                              const std::string& version) {
  Findings findings;
  add_halves(process, memberships, findings);
  add_interfaces(process, findings);
  add_plugin(process, findings);
  add_sign(process, Sign::kDeviceCounts, "device-count-mismatch", "says so", findings);
  add_gdr(process, memberships, findings);
  add_hang(process, memberships, version, findings);
  add_sign(process, Sign::kUsingWithoutDevices, "using-without-devices",
           "prints 'NET/IB : Using' without a device", findings);
  add_sign(process, Sign::kNoPlugin, "no-external-plugin",
           "has no external plug-in, which is normal", findings);
  return findings;
}

std::vector<Finding> differences_of(const std::vector<std::size_t>& job,
                                    const std::vector<Process>& processes) {
  Findings findings;
  for (const auto* const name : kNeeded) {
    const Process* with = nullptr;
    const Process* without = nullptr;
    for (const auto index : job) {
      (processes[index].settings.contains(name) ? with : without) = &processes[index];
    }
    if (with == nullptr || without == nullptr) continue;
    const auto& setting = with->settings.at(name);
    if (is_fault(name, setting.value)) continue;
    findings.push_back(
        {"env-not-forwarded",
         false,
         fmt::format("{} is set on {}, and not on {}", name, name_of(*with), name_of(*without)),
         {setting.line},
         fmt::format("mpirun -x {} ...: one -x for each variable.", name)});
  }
  return findings;
}

}  // namespace wiretax
