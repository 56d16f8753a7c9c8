#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "collectives/backends/one_shot.h"
#include "verbs/buffer.h"
#include "verbs/device.h"
#include "verbs/endpoint.h"

namespace wiretax::collectives {

/// Where everything lies in a rank's registered memory; the same on every rank.
class Layout {
 public:
  static constexpr std::size_t kMostLinks = 8;

  /// `own` bytes of the rank's own; `windows` messages of up to `message` bytes from each peer,
  /// each with a flag for every link.
  Layout(std::size_t own, std::size_t windows, std::size_t ranks, std::size_t message);

  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t windows() const { return windows_; }
  [[nodiscard]] std::size_t message_bytes() const { return message_bytes_; }
  /// The message that `peer` puts into a window, and the flags behind it.
  [[nodiscard]] std::size_t message(std::size_t window, std::size_t peer) const;
  [[nodiscard]] std::size_t flag(std::size_t window, std::size_t peer, std::size_t link) const;
  /// What is on its way to a peer's flag.
  [[nodiscard]] std::size_t flag_source(std::size_t window, std::size_t peer,
                                        std::size_t link) const;
  /// How many messages the peer has taken out of its windows, and what is on its way to tell it.
  [[nodiscard]] std::size_t credit(std::size_t peer) const;
  [[nodiscard]] std::size_t credit_source(std::size_t peer) const;

 private:
  [[nodiscard]] std::size_t place(std::size_t window, std::size_t peer) const {
    return window * ranks_ + peer;
  }

  std::size_t windows_;
  std::size_t ranks_;
  std::size_t message_bytes_;
  std::size_t message_stride_;
  std::size_t messages_;
  std::size_t flags_;
  std::size_t flag_sources_;
  std::size_t credits_;
  std::size_t credit_sources_;
  std::size_t bytes_;
};

/// Registered memory, and a queue pair to every peer over every link.
class Mesh {
 public:
  /// Opens devices and registers memory. `keys`: how many kinds of writes can be waited for.
  Mesh(const OneShotGroup& group, const Layout& layout, std::size_t keys);

  /// What all peers have to know, and then the texts of all of them, by rank.
  [[nodiscard]] std::string address() const;
  void connect(const std::vector<std::string>& addresses);

  [[nodiscard]] const Layout& layout() const { return layout_; }
  [[nodiscard]] std::byte* at(std::size_t offset) const { return buffer_.bytes().data() + offset; }
  /// Number n is the n-th message to or from a peer.
  [[nodiscard]] std::byte* message(std::uint64_t number, std::size_t peer) const;

  /// Writes message `number` into the peer's window, over all links where it is large, and the
  /// flags behind it. `source` may be written to again after await_sent(key).
  void put(std::size_t peer, std::uint64_t number, const std::byte* source, std::size_t bytes,
           std::size_t key);
  void await_sent(std::size_t key);
  /// Until message `number` of that peer is there, as a whole.
  void await_message(std::size_t peer, std::uint64_t number, std::size_t bytes);

  /// For messages that nothing answers: the receiver has taken `count`; the sender waits until
  /// there is room for number n.
  void give_credit(std::size_t peer, std::uint64_t count);
  void await_credit(std::size_t peer, std::uint64_t number);

 private:
  struct Link {
    std::unique_ptr<verbs::Device> device;
    std::unique_ptr<verbs::Endpoint> endpoint;
  };
  /// A message's part that one link carries.
  struct Part {
    std::size_t offset;
    std::size_t bytes;
  };
  [[nodiscard]] std::size_t links_for(std::size_t peer, std::size_t bytes) const;
  [[nodiscard]] static Part part_of(std::size_t bytes, std::size_t links, std::size_t i);
  struct Write {
    ibv_sge at{};
    ibv_send_wr request{};
  };
  static void prepare(Link& link, const std::byte* source, std::size_t bytes,
                      std::size_t remote_offset, Write& write);
  void prepare_word(Link& link, std::size_t source, std::size_t remote_offset, std::uint64_t value,
                    std::size_t key, Write& write);
  static void post(Link& link, Write& first);
  [[nodiscard]] std::uint64_t word(std::size_t offset) const;
  template <typename Done>
  void wait_until(Done done, std::size_t peer);
  void poll();
  /// Throws std::invalid_argument where a part of a message is more than a device sends at once.
  void check_size(const verbs::Device& device, std::size_t peer) const;

  OneShotGroup group_;
  Layout layout_;
  verbs::Buffer buffer_;
  std::vector<std::vector<Link>> links_;     // by peer
  std::vector<std::uint32_t> on_their_way_;  // by key, then credits by peer
  std::size_t keys_;
};

}  // namespace wiretax::collectives
