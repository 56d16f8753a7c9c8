#include "bench/doctor/evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/harness/port_json.h"

namespace wiretax::verbs {

// Found by nlohmann's library in the types' own namespace.
static void to_json(nlohmann::json& json, const Ipv4Network& network) {
  json = {network.netdev, network.address, network.prefix_length};
}
static void from_json(const nlohmann::json& json, Ipv4Network& network) {
  network = {json.at(0), json.at(1), json.at(2)};
}

}  // namespace wiretax::verbs

namespace wiretax::doctor {
namespace {

using Json = nlohmann::json;

}  // namespace

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(NetInterface, name, up, wireless, physical, mtu, networks)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Setting, file, name, value)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Library, path, build_id, version)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(GpuLinks, gpu, active, inactive)

namespace {

template <typename Value>
Json optional_json(const std::optional<Value>& value) {
  return value ? Json(*value) : Json();
}

template <typename Value>
std::optional<Value> optional_from(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return json.get<Value>();
}

}  // namespace

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

bool Evidence::spark() const { return product.find("Spark") != std::string::npos; }

std::string to_json_text(const Evidence& evidence) {
  Json ports = Json::array();
  for (const auto& port : evidence.ports) ports.push_back(bench::to_json(port));
  return Json{{"host", evidence.host},
              {"who", evidence.who},
              {"boot_id", evidence.boot_id},
              {"build_id", evidence.build_id},
              {"kernel", evidence.kernel},
              {"product", evidence.product},
              {"ports", std::move(ports)},
              {"rdma_functions", evidence.rdma_functions},
              {"device_files", evidence.device_files},
              {"libibverbs", evidence.libibverbs},
              {"interfaces", evidence.interfaces},
              {"default_interface", evidence.default_interface},
              {"network_manager", evidence.network_manager},
              {"memlock", optional_json(evidence.memlock)},
              {"memory", evidence.memory},
              {"container", evidence.container},
              {"cores", evidence.cores},
              {"cpu_limit", optional_json(evidence.cpu_limit)},
              {"clocksource", evidence.clocksource},
              {"governors", evidence.governors},
              {"environment", evidence.environment},
              {"nccl_conf", evidence.nccl_conf},
              {"nccl", optional_json(evidence.nccl)},
              {"external_plugin", evidence.external_plugin},
              {"gpudirect", optional_json(evidence.gpudirect)},
              {"gpus", evidence.gpus},
              {"unseen", evidence.unseen}}
      .dump();
}

Evidence evidence_from(const std::string& text) {
  const auto json = Json::parse(text);
  Evidence evidence;
  json.at("host").get_to(evidence.host);
  json.at("who").get_to(evidence.who);
  json.at("boot_id").get_to(evidence.boot_id);
  json.at("build_id").get_to(evidence.build_id);
  json.at("kernel").get_to(evidence.kernel);
  json.at("product").get_to(evidence.product);
  for (const auto& port : json.at("ports")) evidence.ports.push_back(bench::port_from_json(port));
  json.at("rdma_functions").get_to(evidence.rdma_functions);
  json.at("device_files").get_to(evidence.device_files);
  json.at("libibverbs").get_to(evidence.libibverbs);
  json.at("interfaces").get_to(evidence.interfaces);
  json.at("default_interface").get_to(evidence.default_interface);
  json.at("network_manager").get_to(evidence.network_manager);
  evidence.memlock = optional_from<std::uint64_t>(json.at("memlock"));
  json.at("memory").get_to(evidence.memory);
  json.at("container").get_to(evidence.container);
  json.at("cores").get_to(evidence.cores);
  evidence.cpu_limit = optional_from<double>(json.at("cpu_limit"));
  json.at("clocksource").get_to(evidence.clocksource);
  json.at("governors").get_to(evidence.governors);
  json.at("environment").get_to(evidence.environment);
  json.at("nccl_conf").get_to(evidence.nccl_conf);
  evidence.nccl = optional_from<Library>(json.at("nccl"));
  json.at("external_plugin").get_to(evidence.external_plugin);
  evidence.gpudirect = optional_from<bool>(json.at("gpudirect"));
  json.at("gpus").get_to(evidence.gpus);
  json.at("unseen").get_to(evidence.unseen);
  return evidence;
}

}  // namespace wiretax::doctor
