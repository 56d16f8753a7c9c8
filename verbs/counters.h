#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "verbs/port.h"

namespace wiretax::verbs {

/// What a port has counted so far: everything in its `counters` and `hw_counters`, and, where an
/// interface belongs to it, that one's bytes under "netdev_rx_bytes" and "netdev_tx_bytes".
using Counters = std::map<std::string, std::uint64_t>;

/// Drivers cache hw_counters for `lifespan` milliseconds: two snapshots closer than that are one.
Counters read_counters(const Port& port, const std::filesystem::path& sysfs = "/sys");

/// How long read_counters' numbers may be stale, in seconds.
double counter_lifespan_s(const Port& port, const std::filesystem::path& sysfs = "/sys");
/// read_counters after everything that has happened until now is in them.
Counters settled_counters(const Port& port, const std::filesystem::path& sysfs = "/sys");

/// What grew in between, without what did not; counters that went back were reset and are left out.
Counters growth(const Counters& before, const Counters& after);

/// Bytes that the port sent and received as RDMA, headers included, where the device counts them:
/// port_xmit_data and port_rcv_data are in words of 4 bytes.
std::optional<std::uint64_t> bytes_sent(const Counters& growth);
std::optional<std::uint64_t> bytes_received(const Counters& growth);

/// Of those that grew, the ones that mean loss, repetition or congestion: on a healthy cable all
/// stay 0.
Counters signs_of_loss(const Counters& growth);
/// How often a sender sent something again, of all reasons.
std::uint64_t sent_again(const Counters& growth);
/// The device counts that at all, by its counters' names.
bool tells_what_was_sent_again(const Counters& snapshot);

}  // namespace wiretax::verbs
