#pragma once

// The wire as the bodies of wiretax-rdma and wiretax-links see it: an endpoint whose memory holds
// the messages and a few words by which the two ends signal, and waiting with a deadline.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "bench/harness/ranks.h"
#include "bench/harness/rdma_links.h"
#include "bench/harness/round_robin.h"
#include "verbs/buffer.h"
#include "verbs/counters.h"
#include "verbs/endpoint.h"

namespace wiretax::bench {

enum class RdmaOperation { kWrite, kSend, kRead };

/// "write", "send" or "read".
std::string_view operation_name(RdmaOperation operation);

struct RdmaSettings {
  RdmaOperation operation = RdmaOperation::kWrite;
  std::uint64_t bytes = 1;
  std::uint32_t queue_pairs = 1;
  std::uint32_t depth = 128;       // requests on their way, of each queue pair
  std::uint32_t moderation = 16;   // every so many writes one tells of its completion
  std::uint32_t inline_bytes = 0;  // messages up to here travel inside the request
  bool less_inline_will_do = false;
  int mtu = 0;  // 0: what both ends can
  verbs::Memory memory = verbs::Memory::kHost;
  std::shared_ptr<const verbs::Cuda> cuda = nullptr;  // for CUDA-pinned memory
  bool by_cm = false;
  bool bidirectional = false;
};

/// One end. Its memory: what it sends, what it receives, and words that the other end writes.
class RdmaWire {
 public:
  /// Collective over all ranks; `link` of the pair that this rank belongs to, else null, and then
  /// nothing is returned. Throws AgreedFailure.
  static std::unique_ptr<RdmaWire> open(Ranks& ranks, const RankPair& pair, const RdmaLink* link,
                                        const RdmaSettings& settings);

  /// `owner`: this rank, for messages.
  RdmaWire(const RdmaLink& link, const RdmaSettings& settings, bool is_from,
           const std::string& owner);
  RdmaWire(const RdmaWire&) = delete;
  RdmaWire& operator=(const RdmaWire&) = delete;
  ~RdmaWire() = default;

  [[nodiscard]] const RdmaSettings& settings() const { return settings_; }
  [[nodiscard]] bool is_from() const { return is_from_; }
  [[nodiscard]] verbs::Endpoint& endpoint() { return *endpoint_; }
  [[nodiscard]] std::span<std::byte> outgoing() const { return area(0); }
  [[nodiscard]] std::span<std::byte> incoming() const { return area(1); }

  /// A request for the settings' operation and size, unsignalled: a write or read of the other
  /// end's memory, or a send. `at` is what it points to, and has to live as long.
  [[nodiscard]] ibv_send_wr message(ibv_sge& at) const;
  /// Room for one message of the other end.
  [[nodiscard]] ibv_recv_wr room(ibv_sge& at) const;

  /// Words of the other end, by number: 0 to queue pairs - 1 are credits, then one for signals.
  [[nodiscard]] std::uint64_t word(std::size_t i) const noexcept;
  /// Writes `value` into the other end's word, after everything posted before on that queue pair.
  /// 0 or an error number.
  [[nodiscard]] int write_word(std::size_t i, std::uint64_t value, std::size_t queue_pair) noexcept;

  /// Who takes completions of the body's own messages while the next ones wait.
  using Taker = std::function<void(const ibv_wc&)>;
  void set_taker(Taker taker) { taker_ = std::move(taker); }
  /// One message on a queue pair, to its completion.
  void deliver(std::size_t queue_pair);
  /// The other end's await_signal returns, after everything posted before on that queue pair.
  void signal(std::size_t queue_pair);
  void await_signal();

  /// Takes completions until `done`; calls `take` with each that is not of a word or delivery.
  /// Throws Failure: kPeer with the meaning of the first that failed, kTimeout after 10 s without
  /// progress.
  template <typename Take, typename Done>
  void poll_until(Take take, Done done) {
    Patience patience(*this);
    while (!done()) patience.note(poll_once(take));
  }

  /// Takes what is there: how many `take` was called with, since words and answers of a host that
  /// stands still are no progress. Throws as above.
  template <typename Take>
  int poll_once(Take take) {
    std::array<ibv_wc, 16> completions;
    const int count = endpoint_->poll(completions);
    if (count < 0) fail_poll();
    int taken = 0;
    for (int i = 0; i < count; ++i) {
      const auto& completion = completions[static_cast<std::size_t>(i)];
      if (completion.status != IBV_WC_SUCCESS) fail(completion);
      if (completion.wr_id == kOwn) {
        --own_posted_;
      } else {
        take(completion);
        ++taken;
      }
    }
    return taken;
  }

  /// Ends a wait that sees no progress, and meanwhile asks whether the other end is still there:
  /// who waits for a word has nothing on its way that could fail. Asks the clock only now and then.
  class Patience {
   public:
    explicit Patience(RdmaWire& wire);
    void note(int progress) {
      if (progress > 0) {
        idle_ = 0;
      } else if (++idle_ % kSpins == 0) {
        look();
      }
    }

   private:
    static constexpr std::uint64_t kSpins = 1024;
    void look();
    RdmaWire& wire_;
    std::uint64_t idle_ = 0;
    double since_s_ = 0;
    double asked_s_ = 0;
  };

  /// {"port", "path_mtu", "gid", "growth": {...}, "tells_losses"} since the wire was opened.
  [[nodiscard]] std::string evidence() const;
  void hang_up() noexcept { endpoint_->hang_up(); }

  static constexpr std::uint64_t kOwn = ~std::uint64_t{0};  // the wr_id of words and deliveries

 private:
  [[nodiscard]] std::span<std::byte> area(std::size_t i) const;
  [[nodiscard]] std::size_t words_at(std::size_t i) const;
  [[nodiscard]] std::size_t words() const { return std::size_t{settings_.queue_pairs} + 1; }
  [[noreturn]] void fail(const ibv_wc& completion) const;
  [[noreturn]] void fail_poll() const;
  [[noreturn]] void give_up() const;
  void await_own();
  void ask();
  void connect(const verbs::Exchange& exchange);
  static void connect_together(Ranks& ranks, RdmaWire* wire, int partner);

  RdmaSettings settings_;
  bool is_from_;
  verbs::Device device_;
  verbs::Buffer buffer_;
  std::unique_ptr<verbs::Endpoint> endpoint_;
  int own_posted_ = 0;
  Taker taker_ = [](const ibv_wc&) {};
  std::uint64_t signals_sent_ = 0;
  std::uint64_t signals_seen_ = 0;
  verbs::Counters before_;
};

/// Throws Failure(kUsage) where a device has less room than the settings want: the largest message,
/// depths. What it takes inline, no call tells.
void check_limits(const verbs::Device& device, const RdmaSettings& settings);

/// Throws Failure(kPeer) for an error number of ibv_post_send or ibv_post_recv.
void check_post(int code);

}  // namespace wiretax::bench
