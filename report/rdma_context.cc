#include "report/rdma_context.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "report/json_depth.h"

namespace wiretax {
namespace {

using Json = nlohmann::json;

Json entry_of(const ResultFile& file, std::string_view key) {
  return parse_shallow(file.context_value(key));
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

std::vector<std::string> links_left_out(const ResultFile& file) {
  std::vector<std::string> lines;
  const auto entries = entry_of(file, "links_left_out");
  if (!entries.is_array()) return lines;
  for (const auto& line : entries) {
    if (line.is_string()) lines.push_back(line.get<std::string>());
  }
  return lines;
}

BoundLimits::BoundLimits(const ResultFile& file) {
  const auto entries = entry_of(file, "bound_limits");
  if (!entries.is_object()) return;
  for (const auto& [pair, by_links] : entries.items()) {
    if (!by_links.is_object()) continue;
    for (const auto& [links, limit] : by_links.items()) {
      if (limit.is_string()) limits_[{pair, links}] = limit.get<std::string>();
    }
  }
}

std::string BoundLimits::of(std::string_view from, std::string_view to,
                            std::string_view links) const {
  const auto found = limits_.find({fmt::format("{}-{}", from, to), std::string(links)});
  return found == limits_.end() ? "" : found->second;
}

}  // namespace wiretax
