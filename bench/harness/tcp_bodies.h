#pragma once

#include <atomic>
#include <barrier>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bench/harness/runner.h"
#include "bench/harness/tcp_streams.h"
#include "report/units.h"

namespace wiretax::bench {

/// A stream reads at most so much at once.
constexpr std::uint64_t kTcpReadBuffer = kMebibyte;

/// What both kinds of body share: the pair's open connections and what TCP counted on them. A rank
/// outside the pair does nothing.
class TcpBody : public Body {
 public:
  TcpBody(const StreamPair& pair, int rank, std::vector<Descriptor> streams, Waiting waiting);

  void hang_up() noexcept override { bench::hang_up(streams_); }
  /// {"retransmits", "sent", "rtt_s"} since the body was made, or {} where nobody tells.
  std::string evidence() override;

 protected:
  [[nodiscard]] bool sends() const { return rank_ == pair_.from; }
  [[nodiscard]] bool idle() const { return !pair_.has(rank_); }
  [[nodiscard]] const std::vector<Descriptor>& streams() const { return streams_; }
  [[nodiscard]] Waiting waiting() const { return waiting_; }

 private:
  StreamPair pair_;
  int rank_;
  std::vector<Descriptor> streams_;
  Waiting waiting_;
  std::uint64_t retransmits_before_ = 0;
};

/// One operation is a message there and back, as the rank that begins it sees it.
class RoundTripBody : public TcpBody {
 public:
  RoundTripBody(const StreamPair& pair, int pair_index, int rank, std::vector<Descriptor> streams,
                Waiting waiting, std::uint64_t bytes);

  [[nodiscard]] int group() const override { return sends() ? pair_index_ : kIdle; }
  void run(std::uint64_t n) override;
  void check() override;

 private:
  int pair_index_;
  std::vector<std::byte> message_;
};

/// One operation is one block on every stream. The streams share the blocks of a batch, so that one
/// which the kernel treats worse does not hold up the end.
class BandwidthBody : public TcpBody {
 public:
  /// The streams after the first get threads. Each stream has one of `cores` to itself; where there
  /// are fewer, all of them run where the kernel likes, since crowding one core would halve the
  /// bandwidth.
  BandwidthBody(const StreamPair& pair, int pair_index, int rank, std::vector<Descriptor> streams,
                Waiting waiting, std::uint64_t bytes, std::vector<int> cores);
  ~BandwidthBody() override;
  BandwidthBody(const BandwidthBody&) = delete;
  BandwidthBody& operator=(const BandwidthBody&) = delete;

  [[nodiscard]] int group() const override { return idle() ? kIdle : pair_index_; }
  void run(std::uint64_t n) override;
  void check() override;

 protected:
  /// What a stream received in the last batch, and when the first and the last of it came.
  struct Share {
    std::uint64_t bytes = 0;
    std::uint64_t first_bytes = 0;
    double first_s = 0;
    double last_s = 0;
  };
  [[nodiscard]] const std::vector<Share>& shares() const { return shares_; }

 private:
  void work(std::size_t stream);
  void transfer(std::size_t stream);
  void send_blocks(const Descriptor& stream);
  void receive_blocks(std::size_t stream);
  void end_batch() const;
  void fail(const Failure& failure);

  int pair_index_;
  std::vector<std::byte> block_;
  std::vector<int> cores_;
  std::vector<Share> shares_;  // by stream, each written by that one's thread
  // An eventfd: wakes the streams that wait for data which others have received.
  Descriptor batch_done_;
  std::uint64_t blocks_ = 0;  // of this batch, on all streams
  std::atomic<std::uint64_t> taken_ = 0;
  std::atomic<std::uint64_t> received_ = 0;
  std::atomic<bool> ending_ = false;
  std::mutex failure_mutex_;
  std::optional<Failure> failure_;  // the first
  std::barrier<> turn_;             // begin and end of a batch, for the caller and the workers
  std::vector<std::jthread> workers_;
};

}  // namespace wiretax::bench
