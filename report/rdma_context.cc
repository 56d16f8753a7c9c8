#include "report/rdma_context.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace wiretax {
namespace {

using Json = nlohmann::json;

Json entry_of(const ResultFile& file, std::string_view key) {
  return Json::parse(file.context_value(key), nullptr, false);
}

std::string text_in(const Json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

std::vector<RdmaDevice> rdma_devices(const ResultFile& file) {
  std::vector<RdmaDevice> devices;
  const auto entries = entry_of(file, "rdma_devices");
  if (!entries.is_array()) return devices;
  for (const auto& entry : entries) {
    if (!entry.is_object()) continue;
    auto name = text_in(entry, "device");
    const auto number = entry.find("number");
    if (number != entry.end() && number->is_number_integer() && *number != 1) {
      name += fmt::format(":{}", number->get<int>());
    }
    devices.push_back({.host = text_in(entry, "host"),
                       .name = std::move(name),
                       .pci = text_in(entry, "pci"),
                       .pcie = text_in(entry, "pcie"),
                       .cage = text_in(entry, "phys_port_name"),
                       .interface = text_in(entry, "netdev")});
  }
  return devices;
}

std::map<std::string, std::string> bound_limits(const ResultFile& file) {
  std::map<std::string, std::string> limits;
  const auto entries = entry_of(file, "bound_limits");
  if (!entries.is_object()) return limits;
  for (const auto& [links, limit] : entries.items()) {
    if (limit.is_string()) limits[links] = limit.get<std::string>();
  }
  return limits;
}

}  // namespace wiretax
