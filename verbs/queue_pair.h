#pragma once

#include <infiniband/verbs.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "verbs/device.h"
#include "verbs/gid.h"
#include "verbs/handles.h"

namespace wiretax::verbs {

/// Room in the queues of one queue pair.
struct QueueDepths {
  std::uint32_t sends = 128;
  std::uint32_t receives = 16;
  std::uint32_t inline_bytes = 0;
  bool less_inline_will_do = false;  // take what the device can, where that is less
};

/// How long a connection endures silence. 4.096 us x 2^14 is 67 ms; seven tries are over in half a
/// second. rxe takes 7 for "for ever", and the specification does so for receives that are not
/// posted.
struct Endurance {
  static constexpr std::uint8_t kTimeout = 14;
  static constexpr std::uint8_t kRetries = 6;
  static constexpr std::uint8_t kReceiverRetries = 6;

  /// The timeout, as an exponent too, between machines that are `factor` times slower: one that
  /// stands still for a moment is no dead link. A try takes at most 4.3 s.
  static std::uint8_t timeout(double factor);
};

/// RDMA reads that a queue pair has on their way, as many as the device can up to 16.
std::uint8_t outstanding_reads(const Device& device);

/// What the two ends tell each other before they can talk over RDMA. Never printed: who knows a
/// remote key may write to the memory.
struct EndAddress {
  struct QueuePairAddress {
    std::uint32_t number = 0;
    std::uint32_t first_packet = 0;  // its sequence number
  };
  std::string port;  // and whose it is, for messages; so is the next
  std::string netdev;
  std::string link_layer;
  GidType gid_type = GidType::kUnknown;
  std::array<std::uint8_t, 16> gid{};
  std::uint16_t lid = 0;
  int mtu = 0;  // bytes, active
  std::uint64_t memory = 0;
  std::uint32_t remote_key = 0;
  std::vector<QueuePairAddress> queue_pairs;
};

std::string encode(const EndAddress& address);
/// Throws std::runtime_error where the text is not one.
EndAddress decode(const std::string& text);

/// Gives this end's text to the other end and returns the other's. Whatever carries it.
using Exchange = std::function<std::string(const std::string&)>;

/// Why two ends cannot be connected: different link layers or kinds of GID. Empty where they can.
std::string mismatch(const EndAddress& mine, const EndAddress& theirs);

/// A reliable connected queue pair. Sends and receives complete on the same queue.
class QueuePair {
 public:
  /// In state RESET. Throws std::invalid_argument that names the limit where the device has less
  /// room, std::system_error otherwise.
  QueuePair(const Device& device, ibv_cq* completions, const QueueDepths& depths);

  [[nodiscard]] std::uint32_t number() const { return handle_->qp_num; }
  [[nodiscard]] std::uint32_t first_packet() const { return first_packet_; }
  /// Messages of up to so many bytes may travel inside the request.
  [[nodiscard]] std::uint32_t inline_bytes() const { return inline_bytes_; }

  /// RESET, INIT, RTR, RTS to the other end's i-th queue pair, as ibv_modify_qp(3) lists the
  /// attributes. Throws std::system_error.
  void connect(const Device& device, const Gid& gid, const EndAddress& theirs, std::size_t i,
               int path_mtu, std::uint8_t ack_timeout);
  /// One step with attributes that somebody else worked out, such as librdmacm.
  void modify(ibv_qp_attr& attributes, int mask, const std::string& to);
  /// To ERROR: everything posted comes back, and the other end's requests fail.
  void hang_up() noexcept;

  /// The data path. 0 or an error number; no allocation, no exception, no word.
  [[nodiscard]] int post(ibv_send_wr& request) const noexcept {
    ibv_send_wr* bad = nullptr;
    return ibv_post_send(handle_.get(), &request, &bad);
  }
  [[nodiscard]] int post(ibv_recv_wr& request) const noexcept {
    ibv_recv_wr* bad = nullptr;
    return ibv_post_recv(handle_.get(), &request, &bad);
  }

 private:
  std::uint32_t first_packet_;
  std::uint32_t inline_bytes_ = 0;
  QueuePairHandle handle_;
};

}  // namespace wiretax::verbs
