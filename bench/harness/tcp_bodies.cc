#include "bench/harness/tcp_bodies.h"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/harness/clock.h"
#include "bench/harness/placement.h"

namespace wiretax::bench {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kLeastReadBuffer = 128 * kKibibyte;

std::byte pattern(std::uint64_t stream, std::uint64_t offset) {
  return static_cast<std::byte>((offset * 131 + stream * 17 + (offset >> 8)) & 0xff);
}

std::vector<std::byte> patterned(std::uint64_t stream, std::uint64_t bytes) {
  std::vector<std::byte> data(bytes);
  for (std::uint64_t i = 0; i < bytes; ++i) data[i] = pattern(stream, i);
  return data;
}

void compare(const std::vector<std::byte>& found, std::uint64_t stream) {
  for (std::uint64_t i = 0; i < found.size(); ++i) {
    if (found[i] == pattern(stream, i)) continue;
    throw Failure(ExitCode::kDataMismatch,
                  fmt::format("TCP stream {} of {} bytes delivered wrong data at byte {}", stream,
                              found.size(), i));
  }
}

}  // namespace

TcpBody::TcpBody(const StreamPair& pair, int rank, std::vector<Descriptor> streams, Waiting waiting)
    : pair_(pair), rank_(rank), streams_(std::move(streams)), waiting_(waiting) {
  for (const auto& stream : streams_) {
    if (const auto facts = tcp_facts(stream)) retransmits_before_ += facts->retransmits;
  }
}

std::string TcpBody::evidence() {
  std::uint64_t retransmits = 0;
  std::uint64_t sent = 0;
  double rtt_s = 0;
  for (const auto& stream : streams_) {
    const auto facts = tcp_facts(stream);
    if (!facts) return "{}";
    retransmits += facts->retransmits;
    sent += facts->bytes_sent;
    rtt_s += facts->smoothed_rtt_s / static_cast<double>(streams_.size());
  }
  return Json{{"retransmits", retransmits - retransmits_before_}, {"sent", sent}, {"rtt_s", rtt_s}}
      .dump();
}

RoundTripBody::RoundTripBody(const StreamPair& pair, int pair_index, int rank,
                             std::vector<Descriptor> streams, Waiting waiting, std::uint64_t bytes)
    : TcpBody(pair, rank, std::move(streams), waiting),
      pair_index_(pair_index),
      message_(patterned(0, bytes)) {}

void RoundTripBody::run(std::uint64_t n) {
  if (idle()) return;
  const auto& stream = streams().front();
  for (std::uint64_t i = 0; i < n; ++i) {
    if (sends()) send_all(stream, message_, waiting());
    receive_all(stream, message_, waiting());
    if (!sends()) send_all(stream, message_, waiting());
  }
}

void RoundTripBody::check() {
  if (idle()) return;
  if (!sends()) std::ranges::fill(message_, std::byte{0});
  run(1);
  compare(message_, 0);
}

BandwidthBody::BandwidthBody(const StreamPair& pair, int pair_index, int rank,
                             std::vector<Descriptor> streams, Waiting waiting, std::uint64_t bytes,
                             std::vector<int> cores)
    : TcpBody(pair, rank, std::move(streams), waiting),
      pair_index_(pair_index),
      block_(patterned(0, bytes)),
      cores_(std::move(cores)),
      shares_(TcpBody::streams().size()),
      batch_done_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      turn_(static_cast<std::ptrdiff_t>(std::max<std::size_t>(1, TcpBody::streams().size()))) {
  if (!cores_.empty() && cores_.size() < TcpBody::streams().size()) release_thread();
  try {
    for (std::size_t stream = 1; stream < TcpBody::streams().size(); ++stream) {
      workers_.emplace_back([this, stream] { work(stream); });
    }
  } catch (...) {
    // Those that could be started wait for the others.
    ending_ = true;
    for (auto missing = TcpBody::streams().size() - workers_.size(); missing > 0; --missing) {
      turn_.arrive_and_drop();
    }
    throw;
  }
}

BandwidthBody::~BandwidthBody() {
  ending_ = true;
  if (!workers_.empty()) turn_.arrive_and_wait();
  try {
    if (!cores_.empty()) bind_thread(cores_.front());
  } catch (const Failure&) {
    // It was bound there before; if that is forbidden now, the next point will say so.
  }
}

void BandwidthBody::run(std::uint64_t n) {
  if (idle()) return;
  std::uint64_t old = 0;
  while (read(batch_done_.number(), &old, sizeof old) > 0) {
  }
  blocks_ = n * streams().size();
  taken_ = 0;
  received_ = 0;
  turn_.arrive_and_wait();
  transfer(0);
  turn_.arrive_and_wait();
  const std::lock_guard lock(failure_mutex_);
  if (failure_) throw Failure(*failure_);
}

void BandwidthBody::check() {
  for (std::size_t stream = 0; stream < streams().size(); ++stream) {
    auto data = patterned(stream, block_.size());
    if (sends()) {
      send_all(streams()[stream], data, waiting());
    } else {
      std::ranges::fill(data, std::byte{0});
      receive_all(streams()[stream], data, waiting());
      compare(data, stream);
    }
  }
}

void BandwidthBody::work(std::size_t stream) {
  try {
    if (stream < cores_.size() && streams().size() <= cores_.size()) bind_thread(cores_[stream]);
  } catch (const Failure& failure) {
    fail(failure);
  }
  for (;;) {
    turn_.arrive_and_wait();
    if (ending_) return;
    transfer(stream);
    turn_.arrive_and_wait();
  }
}

void BandwidthBody::transfer(std::size_t stream) {
  try {
    sends() ? send_blocks(streams()[stream]) : receive_blocks(stream);
  } catch (const std::exception& error) {
    fail(as_failure(error));
    hang_up();
    end_batch();
  }
}

void BandwidthBody::send_blocks(const Descriptor& stream) {
  while (taken_.fetch_add(1) < blocks_) send_all(stream, block_, waiting());
}

void BandwidthBody::receive_blocks(std::size_t stream) {
  const auto expected = blocks_ * block_.size();
  auto& share = shares_[stream];
  share = {};
  std::vector<std::byte> buffer(
      std::clamp<std::uint64_t>(block_.size(), kLeastReadBuffer, kTcpReadBuffer));
  while (received_ < expected) {
    const auto got = receive_some(streams()[stream], buffer, waiting(), batch_done_.number());
    if (got == 0) return;
    share.last_s = now_s();
    if (share.bytes == 0) {
      share.first_s = share.last_s;
      share.first_bytes = got;
    }
    share.bytes += got;
    if (received_.fetch_add(got) + got >= expected) end_batch();
  }
}

void BandwidthBody::end_batch() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(batch_done_.number(), &one, sizeof one);
}

void BandwidthBody::fail(const Failure& failure) {
  const std::lock_guard lock(failure_mutex_);
  if (!failure_) failure_ = failure;
}

}  // namespace wiretax::bench
