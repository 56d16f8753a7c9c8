#include "verbs/counters.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <string_view>
#include <thread>

namespace wiretax::verbs {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(const Port& port, const fs::path& sysfs) {
  return sysfs / "class/infiniband" / port.device / "ports" / fmt::format("{}", port.number);
}

std::optional<std::uint64_t> number_in(const fs::path& path) {
  std::ifstream stream(path);
  std::uint64_t value = 0;
  return stream >> value ? std::optional(value) : std::nullopt;
}

void read_folder(const fs::path& folder, Counters& counters) {
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(folder, missing)) {
    const auto name = entry.path().filename().string();
    if (name == "lifespan") continue;
    if (const auto value = number_in(entry.path())) counters[name] = *value;
  }
}

/// `words` of 4 bytes, as the InfiniBand specification has it; mlx5 keeps to it on RoCE, and counts
/// RDMA alone there.
std::optional<std::uint64_t> bytes_in(const Counters& growth, const char* words) {
  constexpr std::uint64_t kWord = 4;
  const auto found = growth.find(words);
  return found == growth.end() ? std::nullopt : std::optional(found->second * kWord);
}

// mlx5 (drivers/infiniband/hw/mlx5/counters.c) and rxe
// (drivers/infiniband/sw/rxe/rxe_hw_counters.c). What a sender sent again:
constexpr std::array<std::string_view, 6> kSentAgain = {
    "packet_seq_err",    "implied_nak_seq_err", "local_ack_timeout_err",
    "rnr_nak_retry_err", "roce_adp_retrans",    "completer_retry_err"};
// What tells of loss besides, at either end, and of what throttles a sender: a receiver without
// room, congestion on the way.
constexpr std::array<std::string_view, 23> kOtherSigns = {"out_of_sequence",
                                                          "duplicate_request",
                                                          "out_of_buffer",
                                                          "req_cqe_error",
                                                          "resp_cqe_error",
                                                          "roce_adp_retrans_to",
                                                          "np_ecn_marked_roce_packets",
                                                          "np_cnp_sent",
                                                          "rp_cnp_handled",
                                                          "port_xmit_discards",
                                                          "port_rcv_errors",
                                                          "symbol_error",
                                                          "link_error_recovery",
                                                          "link_downed",
                                                          "rx_icrc_encapsulated",
                                                          "out_of_seq_request",
                                                          "rcvd_seq_err",
                                                          "rcvd_rnr_err",
                                                          "send_rnr_err",
                                                          "retry_exceeded_err",
                                                          "retry_rnr_exceeded_err",
                                                          "send_err",
                                                          "roce_slow_restart"};

}  // namespace

Counters read_counters(const Port& port, const fs::path& sysfs) {
  Counters counters;
  const auto folder = folder_of(port, sysfs);
  read_folder(folder / "counters", counters);
  read_folder(folder / "hw_counters", counters);
  if (!port.netdev.empty()) {
    const auto statistics = sysfs / "class/net" / port.netdev / "statistics";
    for (const char* const name : {"rx_bytes", "tx_bytes", "rx_packets", "tx_packets"}) {
      if (const auto value = number_in(statistics / name)) {
        counters[fmt::format("netdev_{}", name)] = *value;
      }
    }
  }
  return counters;
}

double counter_lifespan_s(const Port& port, const fs::path& sysfs) {
  return static_cast<double>(
             number_in(folder_of(port, sysfs) / "hw_counters/lifespan").value_or(0)) /
         1000;
}

Counters settled_counters(const Port& port, const fs::path& sysfs) {
  const double lifespan_s = counter_lifespan_s(port, sysfs);
  if (lifespan_s > 0) std::this_thread::sleep_for(std::chrono::duration<double>(lifespan_s));
  return read_counters(port, sysfs);
}

Counters growth(const Counters& before, const Counters& after) {
  Counters grown;
  for (const auto& [name, value] : after) {
    const auto old = before.find(name);
    if (old != before.end() && value > old->second) grown[name] = value - old->second;
  }
  return grown;
}

std::optional<std::uint64_t> bytes_sent(const Counters& growth) {
  return bytes_in(growth, "port_xmit_data");
}

std::optional<std::uint64_t> bytes_received(const Counters& growth) {
  return bytes_in(growth, "port_rcv_data");
}

Counters signs_of_loss(const Counters& growth) {
  Counters signs;
  const auto pick = [&](std::string_view name) {
    const auto found = growth.find(std::string(name));
    if (found != growth.end()) signs.insert(*found);
  };
  std::ranges::for_each(kSentAgain, pick);
  std::ranges::for_each(kOtherSigns, pick);
  return signs;
}

std::uint64_t sent_again(const Counters& growth) {
  std::uint64_t sum = 0;
  for (const auto name : kSentAgain) {
    const auto found = growth.find(std::string(name));
    if (found != growth.end()) sum += found->second;
  }
  return sum;
}

bool tells_what_was_sent_again(const Counters& snapshot) {
  return std::ranges::any_of(
      kSentAgain, [&](std::string_view name) { return snapshot.contains(std::string(name)); });
}

}  // namespace wiretax::verbs
