#include "bench/harness/rdma_bodies.h"

#include <fmt/format.h>

#include <algorithm>

namespace wiretax::bench {
namespace {

constexpr unsigned kLaneShift = 32;

/// wr_id of a completion that speaks for `messages` of a lane.
std::uint64_t label_of(std::size_t lane, std::uint64_t messages) {
  return (std::uint64_t{lane} << kLaneShift) | messages;
}
std::size_t lane_of(std::uint64_t label) { return label >> kLaneShift; }
std::uint64_t messages_of(std::uint64_t label) {
  return label & ((std::uint64_t{1} << kLaneShift) - 1);
}

/// Different for every call, queue pair and place.
std::byte pattern(std::uint64_t call, std::uint64_t queue_pair, std::uint64_t at) {
  const auto mixed = (at + 1) * 0x9e3779b97f4a7c15U + call * 0xbf58476d1ce4e5b9U + queue_pair * 131;
  return static_cast<std::byte>(mixed >> 56U);
}

void fill(std::span<std::byte> data, std::uint64_t call, std::uint64_t queue_pair) {
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = pattern(call, queue_pair, i);
}

std::optional<Failure> compare(const RdmaWire& wire, std::uint64_t call, std::uint64_t queue_pair) {
  const auto data = wire.incoming();
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (data[i] == pattern(call, queue_pair, i)) continue;
    return Failure(
        ExitCode::kDataMismatch,
        fmt::format("an RDMA {} of {} bytes on queue pair {} delivered wrong data at "
                    "byte {}",
                    operation_name(wire.settings().operation), data.size(), queue_pair, i));
  }
  return std::nullopt;
}

}  // namespace

RdmaBody::RdmaBody(std::unique_ptr<RdmaWire> wire, int pair_index)
    : wire_(std::move(wire)), pair_index_(pair_index) {}

void RdmaBody::check() {
  if (idle()) return;
  auto failure = check_way(true, ++calls_);
  if (wire_->settings().bidirectional) {
    auto back = check_way(false, ++calls_);
    if (!failure) failure = std::move(back);
  }
  if (failure) throw Failure(*failure);
}

/// Who finds wrong data goes on to the end, so that the other end need not wait for it.
std::optional<Failure> RdmaBody::check_way(bool outward, std::uint64_t call) {
  const bool active = wire_->is_from() == outward;
  const auto operation = wire_->settings().operation;
  std::optional<Failure> failure;
  const auto look = [&](std::size_t pair) {
    auto found = compare(*wire_, call, pair);
    if (found && !failure) failure = std::move(found);
  };
  for (std::size_t pair = 0; pair < wire_->settings().queue_pairs; ++pair) {
    if (operation == RdmaOperation::kRead) {
      if (active) {
        wire_->await_signal();
        wire_->deliver(pair);
        look(pair);
        wire_->signal(pair);
      } else {
        fill(wire_->outgoing(), call, pair);
        wire_->signal(pair);
        wire_->await_signal();
      }
    } else if (active) {
      fill(wire_->outgoing(), call, pair);
      wire_->deliver(pair);
      // On the same queue pair the word is behind the data.
      if (operation == RdmaOperation::kWrite) wire_->signal(pair);
      wire_->await_signal();
    } else {
      if (operation == RdmaOperation::kWrite) {
        wire_->await_signal();
      } else {
        take_sent();
      }
      look(pair);
      wire_->signal(pair);
    }
  }
  return failure;
}

void RdmaBody::hang_up() noexcept {
  if (!idle()) wire_->hang_up();
}

std::string RdmaBody::evidence() { return idle() ? "{}" : wire_->evidence(); }

RdmaLatencyBody::RdmaLatencyBody(std::unique_ptr<RdmaWire> wire, int pair_index)
    : RdmaBody(std::move(wire), pair_index) {
  if (idle()) return;
  message_ = this->wire().message(message_at_);
  message_.send_flags |= IBV_SEND_SIGNALED;
  room_ = this->wire().room(room_at_);
  this->wire().set_taker([this](const ibv_wc& completion) { take(completion); });
  if (this->wire().settings().operation != RdmaOperation::kSend) return;
  for (std::uint32_t i = 0; i < 2 * this->wire().settings().depth; ++i) post_room();
}

int RdmaLatencyBody::group() const { return !idle() && wire().is_from() ? pair_index() : kIdle; }

void RdmaLatencyBody::run(std::uint64_t n) {
  if (idle()) return;
  if (wire().settings().operation == RdmaOperation::kRead) return run_reads(n);
  const bool both = wire().settings().bidirectional;
  const bool begins = wire().is_from() || both;
  const bool sends = wire().settings().operation == RdmaOperation::kSend;
  for (std::uint64_t i = 0; i < n; ++i) {
    if (begins) post_message();
    await_message();
    if (!begins) post_message();
    // There is room for many: what is taken is given back off the path of the answer.
    if (sends) post_room();
  }
  await_own();
}

void RdmaLatencyBody::run_reads(std::uint64_t n) {
  if (!wire().is_from() && !wire().settings().bidirectional) return;
  for (std::uint64_t i = 0; i < n; ++i) {
    post_message();
    await_own();
  }
}

void RdmaLatencyBody::post_room() {
  check_post(wire().endpoint().queue_pairs().front().post(room_));
}

void RdmaLatencyBody::post_message() {
  if (wire().settings().operation == RdmaOperation::kWrite) {
    // In a ping-pong the answer says that the last message was read; an exchange says nothing of
    // it.
    if (wire().settings().bidirectional) await_own();
    wire().outgoing().back() = static_cast<std::byte>(++sent_);
  }
  check_post(wire().endpoint().queue_pairs().front().post(message_));
  if (++on_their_way_ >= wire().settings().depth) await_own();
}

/// What polling finds besides: our own messages have gone, theirs have come.
void RdmaLatencyBody::take(const ibv_wc& completion) {
  if ((completion.opcode & IBV_WC_RECV) != 0) {
    ++received_;
  } else {
    --on_their_way_;
  }
}

void RdmaLatencyBody::await_message() {
  if (wire().settings().operation == RdmaOperation::kSend) return await_sent();
  ++seen_;
  auto& last = wire().incoming().back();
  // Where both ends send, the other may be one message ahead.
  const auto arrived = [&] {
    constexpr std::uint8_t kHalf = 128;
    const auto number = std::atomic_ref(last).load(std::memory_order_acquire);
    return static_cast<std::uint8_t>(std::to_integer<std::uint8_t>(number) - seen_) < kHalf;
  };
  RdmaWire::Patience patience(wire());
  // The queue is looked at now and then, so that an error ends the wait.
  constexpr int kLooks = 64;
  for (std::uint64_t i = 0; !arrived(); ++i) {
    if (i % kLooks != 0) continue;
    wire().poll_once([&](const ibv_wc& completion) { take(completion); });
    patience.note(0);
  }
}

void RdmaLatencyBody::await_sent() {
  const auto wanted = seen_messages_ + 1;
  wire().poll_until([&](const ibv_wc& completion) { take(completion); },
                    [&] { return received_ >= wanted; });
  seen_messages_ = wanted;
}

void RdmaLatencyBody::take_sent() {
  await_sent();
  post_room();
}

void RdmaLatencyBody::await_own() {
  wire().poll_until([&](const ibv_wc& completion) { take(completion); },
                    [&] { return on_their_way_ == 0; });
}

RdmaBandwidthBody::RdmaBandwidthBody(std::unique_ptr<RdmaWire> wire, int pair_index)
    : RdmaBody(std::move(wire), pair_index) {
  if (idle()) return;
  const auto& settings = this->wire().settings();
  message_ = this->wire().message(message_at_);
  room_ = this->wire().room(room_at_);
  moderation_ = std::clamp<std::uint64_t>(settings.moderation, 1, settings.depth);
  lanes_.resize(settings.queue_pairs);
  this->wire().set_taker([this](const ibv_wc& completion) { take(completion); });
  if (settings.operation != RdmaOperation::kSend) return;
  for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
    for (std::uint64_t i = 0; i < first_room(); ++i) post_room(lane);
  }
}

bool RdmaBandwidthBody::sends() const {
  return !idle() && (wire().is_from() || wire().settings().bidirectional);
}

bool RdmaBandwidthBody::receives() const {
  return !idle() && wire().settings().operation == RdmaOperation::kSend &&
         (!wire().is_from() || wire().settings().bidirectional);
}

int RdmaBandwidthBody::group() const { return sends() || receives() ? pair_index() : kIdle; }

void RdmaBandwidthBody::run(std::uint64_t n) {
  if (idle()) return;
  std::uint64_t left = sends() ? n : 0;
  const auto to_complete = posted_ + left;
  expected_ += receives() ? n : 0;
  RdmaWire::Patience patience(wire());
  while (completed_ < to_complete || received_ < expected_) {
    const int posted = post_some(left, left);
    patience.note(posted + poll());
  }
}

std::uint64_t RdmaBandwidthBody::first_room() const {
  return std::uint64_t{2} * wire().settings().depth;
}

bool RdmaBandwidthBody::may_post(std::size_t lane) const {
  const auto& at = lanes_[lane];
  if (at.posted - at.completed >= wire().settings().depth) return false;
  return wire().settings().operation != RdmaOperation::kSend ||
         at.posted < first_room() + wire().word(lane);
}

/// Queue pairs take turns. Returns how many were posted.
int RdmaBandwidthBody::post_some(std::uint64_t& left, std::uint64_t most) {
  int count = 0;
  for (; left > 0 && most > 0 && may_post(next_lane_); --left, --most, ++count) {
    auto& lane = lanes_[next_lane_];
    ++lane.posted;
    ++posted_;
    // The last message of a batch on each lane has to tell, too.
    const bool last = left <= lanes_.size();
    const bool tells = last || lane.posted - lane.told >= moderation_;
    message_.wr_id = label_of(next_lane_, lane.posted - lane.told);
    if (tells) {
      message_.send_flags |= IBV_SEND_SIGNALED;
      lane.told = lane.posted;
    } else {
      message_.send_flags &= ~static_cast<unsigned>(IBV_SEND_SIGNALED);
    }
    check_post(wire().endpoint().queue_pairs()[next_lane_].post(message_));
    next_lane_ = (next_lane_ + 1) % lanes_.size();
  }
  return count;
}

int RdmaBandwidthBody::poll() {
  return wire().poll_once([&](const ibv_wc& completion) { take(completion); });
}

void RdmaBandwidthBody::post_room(std::size_t lane) {
  room_.wr_id = label_of(lane, 1);
  check_post(wire().endpoint().queue_pairs()[lane].post(room_));
}

void RdmaBandwidthBody::take(const ibv_wc& completion) {
  auto& lane = lanes_[lane_of(completion.wr_id)];
  if ((completion.opcode & IBV_WC_RECV) == 0) {
    const auto messages = messages_of(completion.wr_id);
    lane.completed += messages;
    completed_ += messages;
    return;
  }
  ++received_;
  ++lane.received;
  post_room(lane_of(completion.wr_id));
  if (lane.received - lane.granted < wire().settings().depth) return;
  lane.granted = lane.received;
  const auto index = lane_of(completion.wr_id);
  check_post(wire().write_word(index, lane.granted, index));
}

void RdmaBandwidthBody::take_sent() {
  ++expected_;  // it may have come while something else was waited for
  wire().poll_until([&](const ibv_wc& completion) { take(completion); },
                    [&] { return received_ >= expected_; });
}

}  // namespace wiretax::bench
