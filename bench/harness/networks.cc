#include "bench/harness/networks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

namespace wiretax::bench {
namespace {

using Json = nlohmann::json;

Json to_json(const Interface& interface) {
  return {interface.name, interface.address,  interface.prefix_length,
          interface.mtu,  interface.loopback, interface.speed.value_or(0)};
}

Interface from_json(const Json& json) {
  const auto speed = json[5].get<double>();
  return {.name = json[0],
          .address = json[1],
          .prefix_length = json[2],
          .mtu = json[3],
          .loopback = json[4],
          .speed = speed > 0 ? std::optional(speed) : std::nullopt};
}

/// Bridges of containers and virtual machines have the same subnet on every host and lead nowhere.
bool leads_nowhere(const Interface& interface) {
  constexpr std::array<std::string_view, 4> kBridges = {"docker", "virbr", "br-", "lxcbr"};
  return interface.loopback || std::ranges::any_of(kBridges, [&](auto prefix) {
           return interface.name.starts_with(prefix);
         });
}

/// Everybody's interfaces on the network of `first`, or nothing where a rank has none.
std::optional<std::vector<Interface>> on_network(
    const Interface& first, const std::vector<std::vector<Interface>>& by_rank) {
  std::vector<Interface> found;
  for (const auto& theirs : by_rank) {
    const auto match = std::ranges::find_if(theirs, [&](const Interface& candidate) {
      return candidate.prefix_length == first.prefix_length &&
             network_of(candidate) == network_of(first);
    });
    if (match == theirs.end()) return std::nullopt;
    found.push_back(*match);
  }
  return found;
}

Network fastest_common(const Session& session, const std::vector<std::vector<Interface>>& by_rank) {
  Network best;
  double best_speed = -1;
  for (const auto& candidate : by_rank.front()) {
    if (leads_nowhere(candidate) || candidate.speed.value_or(0) <= best_speed) continue;
    if (auto found = on_network(candidate, by_rank)) {
      best = {.label = candidate.name, .loopback = false, .by_rank = std::move(*found)};
      best_speed = candidate.speed.value_or(0);
    }
  }
  if (best.by_rank.empty()) {
    throw Failure(ExitCode::kEnvironment,
                  fmt::format("no IPv4 network that all of {} hosts have in common: name one with "
                              "--interface",
                              session.ranks.size()));
  }
  return best;
}

}  // namespace

std::uint32_t Network::address_of(int rank) const {
  return rank < 0 ? 0 : by_rank.at(static_cast<std::size_t>(rank)).address;
}

std::optional<double> Network::bound(int from, int to) const {
  const auto a = tcp_bound(by_rank.at(static_cast<std::size_t>(from)));
  const auto b = tcp_bound(by_rank.at(static_cast<std::size_t>(to)));
  if (!a || !b || loopback) return std::nullopt;
  return std::min(*a, *b);
}

std::vector<std::vector<Interface>> exchange_interfaces(Ranks& ranks,
                                                        const std::vector<Interface>& mine) {
  Json list = Json::array();
  for (const auto& interface : mine) list.push_back(to_json(interface));
  std::vector<std::vector<Interface>> by_rank;
  for (const auto& text : ranks.all_gather(list.dump(), "exchanging interfaces")) {
    auto& theirs = by_rank.emplace_back();
    for (const auto& json : Json::parse(text)) theirs.push_back(from_json(json));
  }
  return by_rank;
}

std::vector<Network> shared_networks(Session& session, const std::vector<std::string>& wanted) {
  auto& ranks = session.ranks;
  const bool loopback = session.one_network_stack();
  auto names = wanted;
  if (names.empty() && loopback) names = {"lo"};
  std::vector<Interface> mine;
  together(ranks, "finding interfaces", [&] {
    const auto all = interfaces();
    for (const auto& name : names) {
      mine.push_back(find_interface(all, name));
      const auto& found = mine.back().name;
      if (std::ranges::count(mine, found, &Interface::name) > 1) {
        throw Failure(ExitCode::kUsage, fmt::format("--interface names {} twice", found));
      }
    }
    if (names.empty()) mine = all;
  });
  const auto by_rank = exchange_interfaces(ranks, mine);
  if (names.empty()) return {fastest_common(session, by_rank)};
  std::vector<Network> networks;
  for (std::size_t i = 0; i < names.size(); ++i) {
    Network network{.label = by_rank.front()[i].name, .loopback = loopback, .by_rank = {}};
    for (const auto& theirs : by_rank) network.by_rank.push_back(theirs[i]);
    networks.push_back(std::move(network));
  }
  return networks;
}

}  // namespace wiretax::bench
