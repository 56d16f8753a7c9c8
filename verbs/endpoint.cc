#include "verbs/endpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "verbs/check.h"

namespace wiretax::verbs {
namespace {

int queue_length(const EndpointSettings& settings) {
  const auto each = std::uint64_t{settings.depths.sends} + settings.depths.receives;
  return static_cast<int>(
      std::min<std::uint64_t>(each * settings.queue_pairs, std::numeric_limits<int>::max()));
}

void check_settings(const Device& device, std::size_t bytes, const EndpointSettings& settings) {
  const auto& name = device.port().device;
  if (bytes > device.limits().max_mr_size) {
    throw std::invalid_argument(
        fmt::format("{}: {} bytes of memory wanted, its limit "
                    "(max_mr_size) is {}: use smaller --bytes",
                    name, bytes, device.limits().max_mr_size));
  }
  if (settings.queue_pairs > static_cast<std::size_t>(device.limits().max_qp)) {
    throw std::invalid_argument(
        fmt::format("{}: {} queue pairs wanted, its limit (max_qp) is {}: use fewer --qps", name,
                    settings.queue_pairs, device.limits().max_qp));
  }
}

}  // namespace

Endpoint::Endpoint(const Device& device, const Gid& gid, std::span<std::byte> memory,
                   const EndpointSettings& settings)
    : device_(device),
      gid_(gid),
      wanted_mtu_(settings.mtu),
      ack_timeout_(settings.ack_timeout),
      owner_(settings.owner),
      memory_(memory) {
  check_settings(device, memory.size(), settings);
  region_ = register_memory(device, memory);
  completions_ = make_completion_queue(device, queue_length(settings));
  for (std::size_t i = 0; i < settings.queue_pairs; ++i) {
    queue_pairs_.emplace_back(device, completions_.get(), settings.depths);
  }
}

EndAddress Endpoint::address() const {
  EndAddress mine;
  mine.port = device_.port().name();
  if (!owner_.empty()) mine.port += " of " + owner_;
  mine.netdev = device_.port().netdev;
  mine.link_layer = device_.port().link_layer;
  mine.gid_type = gid_.type;
  mine.gid = gid_.raw;
  mine.lid = device_.lid();
  mine.mtu = device_.port().active_mtu;
  mine.memory = reinterpret_cast<std::uint64_t>(memory().data());
  mine.remote_key = region_->rkey;
  for (const auto& pair : queue_pairs_) {
    mine.queue_pairs.push_back({pair.number(), pair.first_packet()});
  }
  return mine;
}

void Endpoint::agree_on_path(EndAddress theirs) {
  const auto mine = address();
  if (auto reason = mismatch(mine, theirs); !reason.empty()) throw std::runtime_error(reason);
  if (theirs.queue_pairs.size() != queue_pairs_.size()) {
    throw std::runtime_error(fmt::format("{} has {} queue pairs, {} has {}", mine.port,
                                         queue_pairs_.size(), theirs.port,
                                         theirs.queue_pairs.size()));
  }
  path_mtu_ = std::min(mine.mtu, theirs.mtu);
  if (wanted_mtu_ > path_mtu_) {
    const auto& smaller = mine.mtu <= theirs.mtu ? mine : theirs;
    throw std::invalid_argument(fmt::format(
        "{} has an active MTU of {}, below the wanted {}: sudo ip link set {} mtu 9000 there",
        smaller.port, smaller.mtu, wanted_mtu_, smaller.netdev));
  }
  if (wanted_mtu_ > 0) path_mtu_ = wanted_mtu_;
  peer_ = std::move(theirs);
}

void Endpoint::connect(const Exchange& exchange) { connect(decode(exchange(encode(address())))); }

void Endpoint::connect(const EndAddress& theirs) {
  agree_on_path(theirs);
  for (std::size_t i = 0; i < queue_pairs_.size(); ++i) {
    queue_pairs_[i].connect(device_, gid_, peer_, i, path_mtu_, ack_timeout_);
  }
}

}  // namespace wiretax::verbs
