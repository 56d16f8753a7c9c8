#include "report/transport/devices.h"

#include <fmt/format.h>

#include "report/transport/cursor.h"

namespace wiretax {
namespace {

/// "rocep1s0f0:1/RoCE" or, since 2.30, "rocep1s0f0:1:rail:plane/RoCE": the name.
std::string take_port(Cursor& cursor) {
  std::string name(cursor.until(":/,} "));
  cursor.until("/,} ");
  if (cursor.skip("/")) cursor.until(" ,}");
  return name;
}

/// 2.20 to 2.23: "[0]={[0] a:1/RoCE, [1] b:1/RoCE}".
std::string take_merged(Cursor& cursor) {
  std::string names;
  do {
    cursor.skip(" ");
    cursor.until("]}");
    cursor.skip("]");
    cursor.skip(" ");
    const auto name = take_port(cursor);
    if (name.empty()) break;
    names += (names.empty() ? "" : "+") + name;
  } while (cursor.skip(","));
  cursor.skip("}");
  return names;
}

std::optional<int> take_index(Cursor& cursor) {
  cursor.skip(" ");
  if (!cursor.skip("[")) return std::nullopt;
  const auto index = cursor.number();
  return index && cursor.skip("]") ? index : std::nullopt;
}

}  // namespace

std::vector<NetDevice> parse_ib_devices(std::string_view items) {
  std::vector<NetDevice> devices;
  Cursor cursor(items);
  while (const auto index = take_index(cursor)) {
    auto name = cursor.skip("={") ? take_merged(cursor) : take_port(cursor);
    if (name.empty()) break;
    devices.push_back({*index, std::move(name)});
  }
  return devices;
}

std::vector<NetDevice> parse_socket_interfaces(std::string_view items) {
  std::vector<NetDevice> interfaces;
  Cursor cursor(items);
  while (const auto index = take_index(cursor)) {
    std::string name(cursor.until(": "));
    if (name.empty()) break;
    interfaces.push_back({*index, std::move(name)});
    cursor.until(" ");
  }
  return interfaces;
}

std::optional<DevicePlace> place_of(std::string_view device) {
  Cursor cursor(device);
  if (!cursor.skip("roce") && !cursor.skip("ib")) return std::nullopt;
  DevicePlace place;
  if (cursor.skip("P")) {
    const auto domain = cursor.number();
    if (!domain) return std::nullopt;
    place.domain = *domain;
  }
  if (!cursor.skip("p")) return std::nullopt;
  const auto bus = cursor.number();
  if (!bus || !cursor.skip("s") || !cursor.number() || !cursor.skip("f")) return std::nullopt;
  const auto function = cursor.number();
  if (!function || !cursor.rest().empty()) return std::nullopt;
  place.bus = *bus;
  place.function = *function;
  return place;
}

std::string spark_half(std::string_view device) {
  const auto place = place_of(device);
  if (!place || place->bus != 1 || (place->domain != 0 && place->domain != 2)) return {};
  if (place->function < 0 || place->function > 1) return {};
  return fmt::format("p{}/{}", place->function, place->domain == 0 ? "A" : "B");
}

std::vector<std::string> merged_members(std::string_view device) {
  std::vector<std::string> members;
  Cursor cursor(device);
  do members.emplace_back(cursor.until("+"));
  while (cursor.skip("+"));
  return members;
}

}  // namespace wiretax
