#include "bench/harness/nccl_wire.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/harness/rdma_record.h"
#include "verbs/counters.h"

namespace wiretax::bench {
namespace {

/// Bytes that every interface of this host has sent.
std::map<std::string, double> sent_by_interfaces() {
  std::map<std::string, double> sent;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/class/net", ignored)) {
    std::ifstream stream(entry.path() / "statistics/tx_bytes");
    double bytes = 0;
    if (stream >> bytes) sent[entry.path().filename().string()] = bytes;
  }
  return sent;
}

/// The devices of each rank's channels over a network, by rank.
std::map<int, std::set<std::string>> devices_used(const TransportReport& report) {
  std::map<int, std::set<std::string>> used;
  for (const auto& membership : report.memberships) {
    const auto& process = report.processes[membership.process];
    for (const auto& [kind, use] : membership.channels) {
      if (!kind.is_net()) continue;
      // A merged one has the names of its parts: "rocep1s0f0+roceP2p1s0f0".
      for (const auto& part : CLI::detail::split(device_name(process, kind), '+')) {
        used[membership.rank].insert(part);
      }
    }
  }
  return used;
}

}  // namespace

void NcclWire::find_ports() {
  for (const auto& port : verbs::find_ports({})) {
    if (port.active()) ports_[port.name()] = port;
  }
}

void NcclWire::learn(const TransportReport& report) {
  transport_ = report.conclusion.transport;
  used_ = devices_used(report);
}

std::set<std::string> NcclWire::devices() const {
  return used_.contains(0) ? used_.at(0) : std::set<std::string>{};
}

std::function<std::string()> NcclWire::watch() const {
  std::map<std::string, verbs::Counters> before;
  for (const auto& [name, port] : ports_) before[name] = verbs::settled_counters(port);
  return [this, before, sent = sent_by_interfaces()] {
    nlohmann::json seen = {{"ports", nlohmann::json::array()},
                           {"interfaces", nlohmann::json::object()}};
    for (const auto& [name, port] : ports_) {
      const auto& old = before.at(name);
      seen["ports"].push_back({name, verbs::growth(old, verbs::settled_counters(port)),
                               verbs::tells_what_was_sent_again(old)});
    }
    for (const auto& [name, bytes] : sent_by_interfaces()) {
      if (sent.contains(name)) seen["interfaces"][name] = bytes - sent.at(name);
    }
    return seen.dump();
  };
}

std::string NcclWire::path() const {
  if (transport_ == Transport::kSocket) return "tcp";
  if (transport_ != Transport::kRdma || !used_.contains(0)) return {};
  std::set<std::string> slots;
  for (const auto& device : used_.at(0)) {
    for (const auto& [name, port] : ports_) {
      if (port.device == device) slots.insert(port.pci ? port.pci->slot() : device);
    }
  }
  if (slots.empty()) return {};
  return slots.size() > 1 ? "roce_both" : "roce_one";
}

std::optional<double> NcclWire::sent_by(const Session& session, int rank, const std::string& growth,
                                        Row& row) const {
  const auto seen = nlohmann::json::parse(growth);
  const auto used = used_.find(rank);
  if (used == used_.end()) return std::nullopt;
  std::optional<double> sent;
  if (transport_ == Transport::kSocket) {
    for (const auto& name : used->second) {
      if (seen["interfaces"].contains(name)) {
        sent = sent.value_or(0) + seen["interfaces"][name].get<double>();
      }
    }
  }
  for (const auto& port : seen["ports"]) {
    const PortGrowth one = {port.at(0), port.at(1).get<verbs::Counters>(), port.at(2)};
    const auto& device = one.port.substr(0, one.port.find(':'));
    if (transport_ != Transport::kRdma || !used->second.contains(device)) continue;
    add_rdma_losses(one, session.ranks.describe(rank), row);
    if (const auto bytes = verbs::bytes_sent(one.growth)) {
      sent = sent.value_or(0) + static_cast<double>(*bytes);
    }
  }
  return sent;
}

}  // namespace wiretax::bench
