#include "bench/doctor/evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/doctor/name_list.h"
#include "bench/harness/port_json.h"

// What nlohmann's library finds by the types it converts.

template <typename Value>
struct nlohmann::adl_serializer<std::optional<Value>> {
  static void to_json(json& json, const std::optional<Value>& value) {
    json = value ? nlohmann::json(*value) : nlohmann::json();
  }
  static void from_json(const json& json, std::optional<Value>& value) {
    value = json.is_null() ? std::nullopt : std::optional(json.get<Value>());
  }
};

namespace wiretax::verbs {

static void to_json(nlohmann::json& json, const Ipv4Network& network) {
  json = {network.netdev, network.address, network.prefix_length};
}
static void from_json(const nlohmann::json& json, Ipv4Network& network) {
  network = {json.at(0), json.at(1), json.at(2)};
}
static void to_json(nlohmann::json& json, const Port& port) { json = bench::to_json(port); }
static void from_json(const nlohmann::json& json, Port& port) {
  port = bench::port_from_json(json);
}

}  // namespace wiretax::verbs

namespace wiretax::doctor {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(NetInterface, name, up, wireless, physical, mtu, networks)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Setting, file, name, value)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Library, path, build_id, version)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(GpuLinks, index, name, active, peers)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Unreached, interface, peer, reason)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Evidence, host, who, boot_id, build_id, kernel, product, ports,
                                   rdma_functions, device_files, libibverbs, interfaces,
                                   default_interface, network_manager, memlock, memory, container,
                                   virtual_machine, memory_left, shared_memory_size, cores,
                                   cpu_limit, clocksource, governors, frequency_driver, environment,
                                   nccl_conf, nccl, external_plugin, gpu, gpudirect, gpus,
                                   unreached, unseen)

std::string Library::version_text() const {
  return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

std::optional<std::string> Evidence::nccl_setting(const std::string& name) const {
  if (const auto found = environment.find(name); found != environment.end()) return found->second;
  const auto found = std::ranges::find(nccl_conf, name, &Setting::name);
  if (found == nccl_conf.end()) return std::nullopt;
  return found->value;
}

std::string Evidence::where(const std::string& name) const {
  if (const auto found = environment.find(name); found != environment.end()) {
    return fmt::format("{}={} in the environment", name, found->second);
  }
  const auto found = std::ranges::find(nccl_conf, name, &Setting::name);
  return found == nccl_conf.end() ? name
                                  : fmt::format("{}={} in {}", name, found->value, found->file);
}

const NetInterface* Evidence::interface(const std::string& name) const {
  const auto found = std::ranges::find(interfaces, name, &NetInterface::name);
  return found == interfaces.end() ? nullptr : &*found;
}

bool Evidence::spark() const {
  return product.find("Spark") != std::string::npos || gpu.find("GB10") != std::string::npos;
}

bool Evidence::hca_takes(const verbs::Port& port) const {
  return NameList(nccl_setting("NCCL_IB_HCA").value_or("")).takes(port.device, port.number);
}

// Names and values come from files and variables, which may hold any bytes.
std::string to_json_text(const Evidence& evidence) {
  return nlohmann::json(evidence).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Evidence evidence_from(const std::string& text) {
  return nlohmann::json::parse(text).get<Evidence>();
}

}  // namespace wiretax::doctor
