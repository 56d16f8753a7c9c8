#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/harness/rdma_wire.h"
#include "bench/harness/runner.h"

namespace wiretax::bench {

/// What both kinds of body share: the wire, and how its data is checked. A rank without a wire does
/// nothing.
class RdmaBody : public Body {
 public:
  RdmaBody(std::unique_ptr<RdmaWire> wire, int pair_index);

  /// A message on every queue pair, there and, where both ends send, back; compared byte by byte.
  void check() override;
  void hang_up() noexcept override;
  std::string evidence() override;

 protected:
  [[nodiscard]] bool idle() const { return wire_ == nullptr; }
  [[nodiscard]] RdmaWire& wire() { return *wire_; }
  [[nodiscard]] const RdmaWire& wire() const { return *wire_; }
  [[nodiscard]] int pair_index() const { return pair_index_; }
  /// Receives a message that deliver() of the other end sent.
  virtual void take_sent() {}

 private:
  std::optional<Failure> check_way(bool outward, std::uint64_t call);

  std::unique_ptr<RdmaWire> wire_;
  int pair_index_;
  std::uint64_t calls_ = 0;
};

/// One operation is a message there and back (of a read, the one message), or, where both ends
/// send, an exchange of two. Writes are seen by polling memory, as perftest's ib_write_lat does.
class RdmaLatencyBody : public RdmaBody {
 public:
  RdmaLatencyBody(std::unique_ptr<RdmaWire> wire, int pair_index);

  [[nodiscard]] int group() const override;
  void run(std::uint64_t n) override;

 protected:
  void take_sent() override;

 private:
  void post_room();
  void post_message();
  void take(const ibv_wc& completion);
  void await_message();
  void await_sent();
  void await_own();
  void run_reads(std::uint64_t n);

  ibv_sge message_at_{};
  ibv_sge room_at_{};
  ibv_send_wr message_{};
  ibv_recv_wr room_{};
  std::uint8_t sent_ = 0;
  std::uint8_t seen_ = 0;
  std::uint32_t on_their_way_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t seen_messages_ = 0;
};

/// One operation is one message. As many as `depth` are on their way on each queue pair; sends wait
/// for the room that the other end grants, so that no receiver is ever not ready.
class RdmaBandwidthBody : public RdmaBody {
 public:
  RdmaBandwidthBody(std::unique_ptr<RdmaWire> wire, int pair_index);

  [[nodiscard]] int group() const override;
  void run(std::uint64_t n) override;

  /// The parts of run, for who drives several links at once: posts at most `most` of the messages
  /// that are `left`, or takes completions; both tell how many. With a moderation of 1 only, since
  /// nobody knows which message of a link is its last.
  int post_some(std::uint64_t& left, std::uint64_t most);
  int poll();
  [[nodiscard]] std::uint64_t posted() const { return posted_; }
  [[nodiscard]] std::uint64_t completed() const { return completed_; }
  [[nodiscard]] RdmaWire& link() { return wire(); }

 protected:
  void take_sent() override;

 private:
  struct Lane {
    std::uint64_t posted = 0;
    std::uint64_t told = 0;  // of those, the ones that a completion speaks for
    std::uint64_t completed = 0;
    std::uint64_t received = 0;
    std::uint64_t granted = 0;  // of those, the ones that the other end knows of
  };
  [[nodiscard]] bool sends() const;
  [[nodiscard]] bool receives() const;
  [[nodiscard]] std::uint64_t first_room() const;
  [[nodiscard]] bool may_post(std::size_t lane) const;
  void post_room(std::size_t lane);
  void take(const ibv_wc& completion);

  ibv_sge message_at_{};
  ibv_sge room_at_{};
  ibv_send_wr message_{};
  ibv_recv_wr room_{};
  std::vector<Lane> lanes_;
  std::uint64_t moderation_ = 1;
  std::size_t next_lane_ = 0;
  std::uint64_t posted_ = 0;
  std::uint64_t completed_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t expected_ = 0;  // received by the end of the run or check
};

}  // namespace wiretax::bench
