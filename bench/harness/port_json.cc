#include "bench/harness/port_json.h"

#include <nlohmann/json.hpp>

namespace wiretax::bench {

using verbs::Port;

namespace {

using Json = nlohmann::json;

Json link_json(const std::optional<verbs::PcieLink>& link) {
  return link ? Json{link->gigatransfers_per_s, link->lanes} : Json();
}

std::optional<verbs::PcieLink> link_from(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return verbs::PcieLink{json.at(0), json.at(1)};
}

Json networks_json(const Port& port) {
  Json list = Json::array();
  for (const auto& network : port.networks) {
    list.push_back({network.netdev, network.address, network.prefix_length});
  }
  return list;
}

Json gids_json(const Port& port) {
  Json list = Json::array();
  for (const auto& gid : port.gids) {
    list.push_back({gid.index, gid.raw, static_cast<int>(gid.type), gid.netdev});
  }
  return list;
}

}  // namespace

Json to_json(const Port& port) {
  return {{"device", port.device},
          {"number", port.number},
          {"state", port.state},
          {"link_layer", port.link_layer},
          {"rate", port.rate_bytes_per_s},
          {"pci", port.pci ? Json(port.pci->text()) : Json()},
          {"pcie", link_json(port.pcie)},
          {"pcie_possible", link_json(port.pcie_possible)},
          {"netdev", port.netdev},
          {"netdev_mtu", port.netdev_mtu},
          {"bond", port.bond},
          {"phys_port_name", port.phys_port_name},
          {"sys_image_guid", port.sys_image_guid},
          {"firmware", port.firmware},
          {"numa_node", port.numa_node},
          {"active_mtu", port.active_mtu},
          {"networks", networks_json(port)},
          {"gids", gids_json(port)}};
}

Port port_from_json(const Json& json) {
  Port port;
  port.device = json.at("device");
  port.number = json.at("number");
  port.state = json.at("state");
  port.link_layer = json.at("link_layer");
  port.rate_bytes_per_s = json.at("rate");
  if (!json.at("pci").is_null()) port.pci = verbs::parse_pci(json["pci"].get<std::string>());
  port.pcie = link_from(json.at("pcie"));
  port.pcie_possible = link_from(json.at("pcie_possible"));
  port.netdev = json.at("netdev");
  port.netdev_mtu = json.at("netdev_mtu");
  port.bond = json.at("bond");
  port.phys_port_name = json.at("phys_port_name");
  port.sys_image_guid = json.at("sys_image_guid");
  port.firmware = json.at("firmware");
  port.numa_node = json.at("numa_node");
  port.active_mtu = json.at("active_mtu");
  for (const auto& network : json.at("networks")) {
    port.networks.push_back({network.at(0), network.at(1), network.at(2)});
  }
  for (const auto& gid : json.at("gids")) {
    port.gids.push_back(
        {gid.at(0), gid.at(1), static_cast<verbs::GidType>(gid.at(2).get<int>()), gid.at(3)});
  }
  return port;
}

}  // namespace wiretax::bench
