// What NCCL would read of its environment and files, and what it would do with that.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <strings.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <set>

#include "bench/doctor/finding.h"
#include "bench/doctor/name_list.h"

namespace wiretax::doctor {
namespace {

using verbs::Port;

constexpr int kVersion2304 = 23004;  // 2.30.4, as ncclGetVersion has it

/// As NCCL reads numbers (src/misc/param.cc): what is none is 0, and nothing is the default.
std::optional<long long> nccl_number(const Evidence& host, const std::string& name) {
  const auto text = host.nccl_setting(name);
  if (!text || text->empty()) return std::nullopt;
  constexpr int kByPrefix = 0;
  errno = 0;
  const auto value = std::strtoll(text->c_str(), nullptr, kByPrefix);
  return errno == 0 ? std::optional(value) : std::nullopt;
}

bool is_on(const Evidence& host, const std::string& name) {
  return nccl_number(host, name).value_or(0) != 0;
}

/// "unset NAME", or where the line is that sets it.
std::string unset(const Evidence& host, const std::string& name) {
  if (host.environment.contains(name)) return "unset " + name;
  return "delete the line " + host.where(name);
}

void check_network(const Evidence& host, Findings& findings) {
  if (host.ports.empty()) return;
  if (is_on(host, "NCCL_IB_DISABLE")) {
    findings.add("ib-disabled", host.where("NCCL_IB_DISABLE"), unset(host, "NCCL_IB_DISABLE"));
  }
  if (strcasecmp(host.nccl_setting("NCCL_NET").value_or("").c_str(), "Socket") == 0) {
    findings.add("net-forced-socket", host.where("NCCL_NET"), unset(host, "NCCL_NET"));
  }
}

void check_files(const Evidence& host, Findings& findings) {
  std::set<std::string> files;
  for (const auto& setting : host.nccl_conf) files.insert(setting.file);
  for (const auto& file : files) {
    std::vector<std::string> lines;
    for (const auto& setting : host.nccl_conf) {
      if (setting.file == file) lines.push_back(setting.name + "=" + setting.value);
    }
    findings.add("leftover-nccl-conf", fmt::format("{} sets {}", file, fmt::join(lines, ", ")),
                 fmt::format("delete {} if nobody wants that", file));
  }
}

bool has_address(const Evidence& host, const std::string& name) {
  const auto* const interface = host.interface(name);
  return interface != nullptr && interface->up && !interface->networks.empty();
}

/// Gloo and TensorPipe (PyTorch's, for engines' control messages) take one name, or Gloo several.
void check_engine(const Evidence& host, Findings& findings) {
  for (const char* const variable : {"GLOO_SOCKET_IFNAME", "TP_SOCKET_IFNAME"}) {
    const auto set = host.environment.find(variable);
    if (set == host.environment.end()) continue;
    for (const auto& name : CLI::detail::split(set->second, ',')) {
      if (name.empty() || has_address(host, name)) continue;
      findings.add(
          "no-ip-interface",
          fmt::format("{}={}, and no interface {} is up and has an address", variable, set->second,
                      name),
          fmt::format("export {} with a name that `ip -br addr` prints as UP here", variable));
    }
  }
}

void check_sockets(const Evidence& host, Findings& findings) {
  const auto wish = host.nccl_setting("NCCL_SOCKET_IFNAME");
  if (!wish || wish->size() < 2) return;  // NCCL takes no notice of those (src/misc/socket.cc)
  const NameList list(*wish);
  std::vector<std::string> taken;
  for (const auto& interface : host.interfaces) {
    if (interface.up && !interface.networks.empty() && list.takes(interface.name)) {
      taken.push_back(interface.name);
    }
  }
  if (taken.empty()) {
    findings.add("no-ip-interface",
                 fmt::format("{}, and no interface of such a name is up and has an address",
                             host.where("NCCL_SOCKET_IFNAME")));
    return;
  }
  const auto leads_nowhere = [&](const std::string& name) {
    return name.starts_with("docker") || name.starts_with("tailscale") ||
           host.interface(name)->wireless;
  };
  if (!leads_nowhere(taken.front())) return;
  findings.add("wrong-interface",
               fmt::format("{}, which is {}", host.where("NCCL_SOCKET_IFNAME"), taken.front()));
}

void check_versions(const Evidence& host, Findings& findings) {
  if (!host.external_plugin.empty()) {
    findings.add("external-plugin", host.external_plugin + " is there to be loaded");
  }
  if (!host.nccl) return;
  if (host.nccl->version <= kVersion2304 && is_on(host, "NCCL_IB_SUBNET_AWARE_ROUTING")) {
    findings.add("subnet-aware-unknown", fmt::format("{}, and NCCL is of version {}",
                                                     host.where("NCCL_IB_SUBNET_AWARE_ROUTING"),
                                                     host.nccl->version_text()));
  }
  if (host.nccl->version == kVersion2304 && nccl_number(host, "NCCL_NVLS_ENABLE") != 0) {
    findings.add("nvls-hang", Severity::kWarning, "NCCL is of version 2.30.4: " + host.nccl->path,
                 "export NCCL_NVLS_ENABLE=0, or another version");
  }
}

/// The ports that NCCL_IB_HCA leaves, of those that could be used.
std::vector<const Port*> ports_left(const Evidence& host) {
  std::vector<const Port*> left;
  for (const auto& port : host.ports) {
    if (port.active() && host.hca_takes(port)) left.push_back(&port);
  }
  return left;
}

void check_filter(const Evidence& host, Findings& findings) {
  const bool any = std::ranges::any_of(host.ports, &Port::active);
  if (!host.nccl_setting("NCCL_IB_HCA") || !any) return;
  const auto left = ports_left(host);
  if (left.empty()) {
    std::vector<std::string> names;
    for (const auto& port : host.ports) names.push_back(port.name());
    findings.add("hca-filter", fmt::format("{}, and the devices here are {}",
                                           host.where("NCCL_IB_HCA"), fmt::join(names, ", ")));
    return;
  }
  for (const auto* const port : left) {
    for (const auto& twin : host.ports) {
      const bool lonely = twin.active() && twin.name() != port->name() &&
                          !port->phys_port_name.empty() && twin.cage() == port->cage() &&
                          std::ranges::none_of(left, [&](const Port* other) {
                            return other->name() == twin.name();
                          });
      if (!lonely) continue;
      findings.add("one-half-only",
                   fmt::format("{} leaves out {}, the other half of {}'s cage",
                               host.where("NCCL_IB_HCA"), twin.name(), port->name()),
                   fmt::format("NCCL_IB_HCA={},{}", port->device, twin.device));
    }
  }
}

void check_gid_index(const Evidence& host, Findings& findings) {
  const std::string name = "NCCL_IB_GID_INDEX";
  const auto index = nccl_number(host, name).value_or(-1);
  if (index < 0) return;  // -1: NCCL chooses
  const auto fix = unset(host, name) + "; NCCL 2.21 and newer choose by content";
  for (const auto* const port : ports_left(host)) {
    if (!port->ethernet()) continue;
    const auto gid = std::ranges::find(port->gids, index, &verbs::Gid::index);
    if (gid == port->gids.end()) {
      findings.add(
          "gid-index-empty",
          fmt::format("{}, and {} has no GID at that index", host.where(name), port->name()), fix);
    } else if (gid->type != verbs::GidType::kRoceV2 || !gid->ipv4()) {
      findings.add("gid-link-local",
                   fmt::format("{}, where {} has {}, which is not RoCE v2 of an IPv4 address",
                               host.where(name), port->name(), gid->text()),
                   fix);
    }
  }
}

}  // namespace

void check_nccl(const Evidence& host, Findings& findings) {
  check_network(host, findings);
  check_files(host, findings);
  check_sockets(host, findings);
  check_engine(host, findings);
  check_versions(host, findings);
}

void check_nccl_devices(const Evidence& host, Findings& findings) {
  check_filter(host, findings);
  check_gid_index(host, findings);
}

}  // namespace wiretax::doctor
