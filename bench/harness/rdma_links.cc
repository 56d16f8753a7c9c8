#include "bench/harness/rdma_links.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "bench/harness/host.h"
#include "bench/harness/port_json.h"
#include "report/units.h"
#include "verbs/device.h"
#include "verbs/pairing.h"

namespace wiretax::bench {
namespace {

using Json = nlohmann::json;
using verbs::Port;

std::vector<verbs::Ipv4Network> networks() {
  std::vector<verbs::Ipv4Network> all;
  for (const auto& interface : interfaces()) {
    all.push_back({interface.name, interface.address, interface.prefix_length});
  }
  return all;
}

std::string names_of(const std::vector<Port>& ports) {
  std::vector<std::string> names;
  names.reserve(ports.size());
  for (const auto& port : ports) names.push_back(fmt::format("{} ({})", port.name(), port.state));
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

const Port& find_named(const std::vector<Port>& ports, const std::string& name) {
  const auto found = std::ranges::find_if(ports, [&](const Port& port) {
    return name == port.name() || name == fmt::format("{}:{}", port.device, port.number);
  });
  if (found == ports.end()) {
    throw Failure(ExitCode::kUsage, fmt::format("--device {}: there is no such RDMA device or port "
                                                "here; there is: {}",
                                                name, names_of(ports)));
  }
  if (!found->active()) {
    throw Failure(ExitCode::kEnvironment,
                  fmt::format("--device {}: its port is {}: is the cable in, and {} up (sudo ip "
                              "link set {} up)?",
                              name, found->state, found->netdev, found->netdev));
  }
  return *found;
}

/// This host's ports that may be used, opened once for what only the driver tells.
std::vector<Port> usable_ports(const std::vector<std::string>& wanted) {
  const auto all = verbs::find_ports(networks());
  std::vector<Port> chosen;
  chosen.reserve(wanted.size());
  for (const auto& name : wanted) {
    chosen.push_back(find_named(all, name));
    const auto& found = chosen.back();
    if (std::ranges::count(chosen, found.name(), &Port::name) > 1) {
      throw Failure(ExitCode::kUsage, fmt::format("--device names {} twice", found.name()));
    }
  }
  if (wanted.empty()) std::ranges::copy_if(all, std::back_inserter(chosen), &Port::active);
  std::vector<Port> opened;
  opened.reserve(chosen.size());
  for (const auto& port : chosen) opened.push_back(verbs::Device(port).port());
  return opened;
}

/// Ports that no link can use, with their state.
std::vector<std::string> idle_ports() {
  std::vector<std::string> idle;
  for (const auto& port : verbs::find_ports({})) {
    if (!port.active()) idle.push_back(fmt::format("{} ({})", port.name(), port.state));
  }
  return idle;
}

/// Several ranks of a host tell the same.
void add_once(std::vector<std::string>& lines, const std::string& line) {
  if (std::ranges::count(lines, line) == 0) lines.push_back(line);
}

std::string why_missing(const std::vector<Port>& all, const std::string& rank) {
  if (all.empty()) {
    return fmt::format(
        "{} has no RDMA device in /sys/class/infiniband (no cable, no driver, or a "
        "container without it)",
        rank);
  }
  return fmt::format("{} has no RDMA port that is ACTIVE: {}", rank, names_of(all));
}

/// A port, and the host that it is of.
struct End {
  const Port& port;
  const std::string& host;

  [[nodiscard]] std::string text() const { return fmt::format("{} of {}", port.name(), host); }
};

struct Host {
  const std::vector<Port>& ports;
  const std::string& name;

  [[nodiscard]] End end(std::size_t i) const { return {ports[i], name}; }
};

std::string mtu_doubt(const End& a, const End& b) {
  if (a.port.active_mtu == b.port.active_mtu) return {};
  const auto& [smaller, larger] =
      a.port.active_mtu < b.port.active_mtu ? std::tie(a, b) : std::tie(b, a);
  return fmt::format(
      "path MTU {} at {} and {} at {}, the smaller is used: sudo ip link set {} mtu 9000 on {}, "
      "where "
      "it is {}",
      larger.port.active_mtu, larger.text(), smaller.port.active_mtu, smaller.text(),
      smaller.port.netdev, smaller.host, smaller.port.netdev_mtu);
}

std::string gid_doubt(const End& end) {
  const auto& port = end.port;
  const auto choice = verbs::choose_gid(port.gids, port.netdev, port.ethernet());
  return choice.doubt.empty() ? "" : fmt::format("{}: {}", end.text(), choice.doubt);
}

std::string join_doubts(const std::vector<std::string>& doubts) {
  std::vector<std::string> said;
  for (const auto& doubt : doubts) {
    if (!doubt.empty() && std::ranges::count(said, doubt) == 0) said.push_back(doubt);
  }
  return fmt::format("{}", fmt::join(said, "; "));
}

bool has_ipv4(const Port& port) {
  const auto choice = verbs::choose_gid(port.gids, port.netdev, port.ethernet());
  return choice.gid && choice.gid->ipv4();
}

std::string why_without_gid(const Port& port) {
  const auto choice = verbs::choose_gid(port.gids, port.netdev, port.ethernet());
  return choice.gid ? "" : choice.reason;
}

RdmaLink link_of(const End& a, const End& b, const std::string& pairing_doubt) {
  const auto& from = a.port;
  const auto& to = b.port;
  RdmaLink link{
      .name = from.name() == to.name() ? from.name() : fmt::format("{}-{}", from.name(), to.name()),
      .from = from,
      .to = to,
      .without_ipv4 = {},
      .doubt = join_doubts({pairing_doubt, gid_doubt(a), gid_doubt(b), mtu_doubt(a, b)}),
      .pairing_doubt = pairing_doubt};
  // An IPv4 address at one end alone leads nowhere.
  for (const auto& end : {a, b}) {
    if (!has_ipv4(end.port)) link.without_ipv4 = end.text();
  }
  if (!link.without_ipv4.empty()) {
    link.from_ipv4.reset();
    link.to_ipv4.reset();
  } else if (const auto common = verbs::common_subnet(from, to)) {
    link.from_ipv4 = common->mine;
    link.to_ipv4 = common->theirs;
  }
  return link;
}

/// Ports that were named belong together in the order of their names.
std::vector<RdmaLink> links_between(const Host& mine, const Host& theirs, bool named) {
  std::vector<RdmaLink> links;
  if (named) {
    for (std::size_t i = 0; i < mine.ports.size(); ++i) {
      links.push_back(link_of(mine.end(i), theirs.end(i), ""));
    }
    return links;
  }
  for (const auto& pair : verbs::pair_ports(mine.ports, theirs.ports)) {
    links.push_back(link_of(mine.end(pair.mine), theirs.end(pair.theirs), pair.doubt));
  }
  return links;
}

}  // namespace

std::optional<verbs::Bound> RdmaLink::bound(int mtu) const {
  return verbs::path_bound({&from, 1}, {&to, 1}, verbs::mtu_efficiency(mtu));
}

std::optional<verbs::Bound> bound_of(const std::vector<const RdmaLink*>& links) {
  std::vector<Port> mine;
  std::vector<Port> theirs;
  int mtu = links.front()->path_mtu();
  for (const auto* const link : links) {
    mine.push_back(link->from);
    theirs.push_back(link->to);
    mtu = std::min(mtu, link->path_mtu());
  }
  return verbs::path_bound(mine, theirs, verbs::mtu_efficiency(mtu));
}

int RdmaLink::path_mtu() const { return std::min(from.active_mtu, to.active_mtu); }

RdmaLinks::RdmaLinks(Session& session, const std::vector<std::string>& devices)
    : ranks_(session.ranks.size()), hosts_(session.ranks.hosts()) {
  exchange_ports(session.ranks, devices);
  for (int from = 0; from < ranks_; ++from) {
    for (int to = 0; to < ranks_; ++to) {
      const Host a = {ports_[static_cast<std::size_t>(from)], session.ranks.host(from)};
      const Host b = {ports_[static_cast<std::size_t>(to)], session.ranks.host(to)};
      links_.push_back(missing_ || from >= to ? std::vector<RdmaLink>{}
                                              : links_between(a, b, !devices.empty()));
    }
  }
  if (devices.empty() && !missing_) {
    drop_without_gid();
    tell_of_partnerless(session);
  }
  if (!missing_ && ranks_ > 1 && most() == 0) {
    missing_ =
        fmt::format("no RDMA port of {} reaches one of {}: {} and {}", session.ranks.describe(0),
                    session.ranks.describe(1), names_of(ports_[0]), names_of(ports_[1]));
  }
}

/// Every rank's ports that may be used; of the others what keeps them from it.
void RdmaLinks::exchange_ports(Ranks& ranks, const std::vector<std::string>& devices) {
  Json mine = {{"ports", Json::array()}, {"idle", Json::array()}, {"missing", ""}};
  together(ranks, "finding RDMA devices", [&] {
    std::vector<Port> ports;
    with_exit_codes([&] { ports = usable_ports(devices); });
    for (const auto& port : ports) mine["ports"].push_back(to_json(port));
    if (devices.empty()) mine["idle"] = idle_ports();
    if (ports.empty()) {
      mine["missing"] = why_missing(verbs::find_ports({}), ranks.describe(ranks.rank()));
    }
  });
  for (const auto& text : ranks.all_gather(mine.dump(), "exchanging RDMA devices")) {
    const auto theirs = Json::parse(text);
    const auto& host = hosts_.at(ports_.size());
    auto& ports = ports_.emplace_back();
    for (const auto& port : theirs["ports"]) ports.push_back(port_from_json(port));
    for (const auto& port : theirs["idle"]) {
      add_once(left_out_, fmt::format("{} of {}", port.get<std::string>(), host));
    }
    const auto reason = theirs["missing"].get<std::string>();
    if (!reason.empty() && !missing_) missing_ = reason;
  }
}

/// A port that was named says itself why it cannot be used; one that was found is left out.
void RdmaLinks::drop_without_gid() {
  for (int from = 0; from < ranks_; ++from) {
    for (int to = from + 1; to < ranks_; ++to) {
      for (std::size_t i = between(from, to).size(); i-- > 0;) {
        const auto& link = between(from, to)[i];
        const auto reason = why_without_gid(link.from) + why_without_gid(link.to);
        if (!reason.empty()) drop(from, to, i, reason);
      }
    }
  }
}

/// Ports that are ACTIVE, and belong to no link to another host.
void RdmaLinks::tell_of_partnerless(const Session& session) {
  for (int rank = 0; rank < ranks_; ++rank) {
    std::vector<std::string> used;
    bool alone = true;  // no rank is on another machine
    for (int other = 0; other < ranks_; ++other) {
      if (session.same_machine(rank, other)) continue;
      alone = false;
      for (const auto& link : between(std::min(rank, other), std::max(rank, other))) {
        used.push_back(link.port_of(rank < other).name());
      }
    }
    for (const auto& port : ports_[static_cast<std::size_t>(rank)]) {
      if (alone || std::ranges::count(used, port.name()) > 0) continue;
      add_once(left_out_, fmt::format("{} of {}: no port of another host is in its subnet or at "
                                      "its place, or that one is not ACTIVE",
                                      port.name(), session.ranks.host(rank)));
    }
  }
}

std::size_t RdmaLinks::place_of(int from, int to) const {
  return static_cast<std::size_t>(from) * ports_.size() + static_cast<std::size_t>(to);
}

const std::vector<RdmaLink>& RdmaLinks::between(int from, int to) const {
  return links_.at(place_of(from, to));
}

void RdmaLinks::drop(int from, int to, std::size_t i, const std::string& reason) {
  auto& links = links_.at(place_of(from, to));
  const auto line = fmt::format("{} between {} and {}: {}", links.at(i).name,
                                hosts_.at(static_cast<std::size_t>(from)),
                                hosts_.at(static_cast<std::size_t>(to)), reason);
  add_once(left_out_, line);
  links.erase(links.begin() + static_cast<std::ptrdiff_t>(i));
  if (most() > 0) return;
  missing_ = fmt::format("no RDMA link carries a write: {}", fmt::join(left_out_, "; "));
}

std::size_t RdmaLinks::most() const {
  std::size_t most = 0;
  for (int from = 0; from < ranks_; ++from) {
    for (int to = from + 1; to < ranks_; ++to) most = std::max(most, between(from, to).size());
  }
  return most;
}

std::string RdmaLinks::description() const {
  Json list = Json::array();
  for (std::size_t rank = 0; rank < ports_.size(); ++rank) {
    for (const auto& port : ports_[rank]) {
      auto json = to_json(port);
      const auto choice = verbs::choose_gid(port.gids, port.netdev, port.ethernet());
      json.erase("gids");
      json.erase("networks");
      json["pcie"] = port.pcie ? Json(port.pcie->text()) : Json();
      json["pcie_possible"] = port.pcie_possible ? Json(port.pcie_possible->text()) : Json();
      json["host"] = hosts_[rank];
      json["rate_Gbps"] = port.rate_bytes_per_s / kGigabit;
      json.erase("rate");
      if (choice.gid) {
        json["gid"] = {{"index", choice.gid->index},
                       {"type", verbs::gid_type_name(choice.gid->type)},
                       {"address", choice.gid->text()}};
      }
      list.push_back(std::move(json));
    }
  }
  return list.dump();
}

bool RdmaLinks::emulated() const {
  return !missing_ && std::ranges::all_of(ports_, [](const std::vector<Port>& ports) {
    return std::ranges::all_of(ports, &Port::emulated);
  });
}

}  // namespace wiretax::bench
