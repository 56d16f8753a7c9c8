#pragma once

#include <infiniband/verbs.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "verbs/device.h"
#include "verbs/queue_pair.h"

namespace wiretax::verbs {

struct EndpointSettings {
  std::size_t queue_pairs = 1;
  QueueDepths depths;
  int mtu = 0;             // of the path, in bytes; 0: the smaller of the two ends' active ones
  std::string owner = {};  // whose end it is, for the other end's messages
  std::uint8_t ack_timeout = Endurance::kTimeout;  // an exponent
};

/// One end of a link: registered memory, a completion queue and queue pairs on one device,
/// connected to as many of the other end's.
class Endpoint {
 public:
  /// Throws std::invalid_argument that names the device's limit, std::system_error otherwise. The
  /// device and the memory must outlive it.
  Endpoint(const Device& device, const Gid& gid, std::span<std::byte> memory,
           const EndpointSettings& settings);

  /// What the other end has to know, and brings the queue pairs up to it.
  [[nodiscard]] EndAddress address() const;
  void connect(const EndAddress& theirs);
  /// The same by exchanging addresses. Both ends have to call it.
  void connect(const Exchange& exchange);
  /// The same by librdmacm, which resolves the path itself: one end listens on its IPv4 address,
  /// and takes only who shows the token that it gave through `exchange`. Every step may take
  /// `patience_s`. Throws std::system_error, std::runtime_error.
  void connect_by_cm(const Exchange& exchange, bool listens, double patience_s);

  [[nodiscard]] const Device& device() const { return device_; }
  [[nodiscard]] const Gid& gid() const { return gid_; }
  [[nodiscard]] const EndAddress& peer() const { return peer_; }
  [[nodiscard]] int path_mtu() const { return path_mtu_; }
  [[nodiscard]] std::span<std::byte> memory() const { return memory_; }
  [[nodiscard]] std::uint32_t local_key() const { return region_->lkey; }
  [[nodiscard]] std::span<QueuePair> queue_pairs() { return queue_pairs_; }

  /// How many completions it took, or less than 0.
  [[nodiscard]] int poll(std::span<ibv_wc> completions) const noexcept {
    return ibv_poll_cq(completions_.get(), static_cast<int>(completions.size()),
                       completions.data());
  }
  void hang_up() noexcept {
    for (auto& pair : queue_pairs_) pair.hang_up();
  }

 private:
  friend class CmHandshake;
  void agree_on_path(EndAddress theirs);

  const Device& device_;
  Gid gid_;
  int wanted_mtu_;
  std::uint8_t ack_timeout_;
  std::string owner_;
  int path_mtu_ = 0;
  EndAddress peer_;
  std::span<std::byte> memory_;
  RegisteredMemory region_;
  CompletionQueueHandle completions_;
  std::vector<QueuePair> queue_pairs_;
  EventChannel events_;  // of librdmacm, whose identifiers live as long as the connection
  std::vector<ConnectionId> connections_;
};

}  // namespace wiretax::verbs
