// wiretax-tcp: bandwidth and round trip of plain TCP between ranks, on a chosen interface.

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <barrier>
#include <nlohmann/json.hpp>
#include <numeric>
#include <thread>

#include "bench/harness/model_sizes.h"
#include "bench/harness/networks.h"
#include "bench/harness/program.h"
#include "bench/harness/round_robin.h"
#include "bench/harness/tcp_streams.h"
#include "report/units.h"

namespace wiretax::bench {
namespace {

using Json = nlohmann::json;

constexpr const char* kBandwidthSizes = "128Ki";
constexpr const char* kRoundTripSizes = "64,4Ki,10Ki,64Ki,1Mi";
constexpr std::uint64_t kLeastReadBuffer = 128 * kKibibyte;
constexpr std::uint64_t kMostReadBuffer = kMebibyte;

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

/// What both kinds of body share: the pair's open connections and what TCP counted on them.
class TcpBody : public Body {
 public:
  TcpBody(const StreamPair& pair, int rank, std::vector<Descriptor> streams, Waiting waiting)
      : pair_(pair), rank_(rank), streams_(std::move(streams)), waiting_(waiting) {
    for (const auto& stream : streams_) retransmits_before_ += tcp_facts(stream).retransmits;
  }

  void hang_up() noexcept override { bench::hang_up(streams_); }

  std::string evidence() override {
    std::uint64_t retransmits = 0;
    std::uint64_t sent = 0;
    double rtt_s = 0;
    std::string congestion_control;
    for (const auto& stream : streams_) {
      const auto facts = tcp_facts(stream);
      retransmits += facts.retransmits;
      sent += facts.bytes_sent;
      rtt_s += facts.smoothed_rtt_s / static_cast<double>(streams_.size());
      congestion_control = facts.congestion_control;
    }
    return Json{{"retransmits", retransmits - retransmits_before_},
                {"sent", sent},
                {"rtt_s", rtt_s},
                {"congestion_control", congestion_control}}
        .dump();
  }

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
                Waiting waiting, std::uint64_t bytes)
      : TcpBody(pair, rank, std::move(streams), waiting),
        pair_index_(pair_index),
        message_(patterned(0, bytes)) {}

  [[nodiscard]] int group() const override { return sends() ? pair_index_ : kIdle; }

  void run(std::uint64_t n) override {
    if (idle()) return;
    const auto& stream = streams().front();
    for (std::uint64_t i = 0; i < n; ++i) {
      if (sends()) send_all(stream, message_, waiting());
      receive_all(stream, message_, waiting());
      if (!sends()) send_all(stream, message_, waiting());
    }
  }

  void check() override {
    if (idle()) return;
    if (!sends()) std::ranges::fill(message_, std::byte{0});
    run(1);
    compare(message_, 0);
  }

 private:
  int pair_index_;
  std::vector<std::byte> message_;
};

/// One operation is one block on every stream. The streams share the blocks of a batch, so that one
/// which the kernel treats worse does not hold up the end.
class BandwidthBody : public TcpBody {
 public:
  BandwidthBody(const StreamPair& pair, int pair_index, int rank, std::vector<Descriptor> sockets,
                Waiting waiting, std::uint64_t bytes, std::vector<int> cores)
      : TcpBody(pair, rank, std::move(sockets), waiting),
        pair_index_(pair_index),
        block_(patterned(0, bytes)),
        cores_(std::move(cores)),
        batch_done_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        turn_(static_cast<std::ptrdiff_t>(std::max<std::size_t>(1, streams().size()))) {
    for (std::size_t stream = 1; stream < streams().size(); ++stream) {
      workers_.emplace_back([this, stream] { work(stream); });
    }
  }

  ~BandwidthBody() override {
    ending_ = true;
    if (!workers_.empty()) turn_.arrive_and_wait();
    workers_.clear();
  }
  BandwidthBody(const BandwidthBody&) = delete;
  BandwidthBody& operator=(const BandwidthBody&) = delete;

  [[nodiscard]] int group() const override { return idle() ? kIdle : pair_index_; }

  void run(std::uint64_t n) override {
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
    if (failure_) throw Failure(*failure_);
  }

  void check() override {
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

 private:
  void work(std::size_t stream) {
    try {
      if (!cores_.empty()) bind_thread(cores_[stream % cores_.size()]);
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

  void transfer(std::size_t stream) {
    try {
      sends() ? send_blocks(streams()[stream]) : receive_blocks(streams()[stream]);
    } catch (const std::exception& error) {
      fail(as_failure(error));
      hang_up();
      end_batch();
    }
  }

  void send_blocks(const Descriptor& stream) {
    while (taken_.fetch_add(1) < blocks_) send_all(stream, block_, waiting());
  }

  void receive_blocks(const Descriptor& stream) {
    const auto expected = blocks_ * block_.size();
    std::vector<std::byte> buffer(
        std::clamp<std::uint64_t>(block_.size(), kLeastReadBuffer, kMostReadBuffer));
    while (received_ < expected) {
      const auto got = receive_some(stream, buffer, waiting(), batch_done_.number());
      if (got == 0) return;
      if (received_.fetch_add(got) + got >= expected) end_batch();
    }
  }

  /// Wakes the streams that wait for data which others have received.
  void end_batch() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(batch_done_.number(), &one, sizeof one);
  }

  void fail(const Failure& failure) {
    const std::lock_guard lock(failure_mutex_);
    if (!failure_) failure_ = failure;
  }

  int pair_index_;
  std::vector<std::byte> block_;
  std::vector<int> cores_;
  Descriptor batch_done_;
  std::uint64_t blocks_ = 0;
  std::atomic<std::uint64_t> taken_ = 0;
  std::atomic<std::uint64_t> received_ = 0;
  std::atomic<bool> ending_ = false;
  std::mutex failure_mutex_;
  std::optional<Failure> failure_;
  std::barrier<> turn_;  // begin and end of a batch, for the caller and the workers
  std::vector<std::jthread> workers_;
};

class TcpProgram : public Program {
 public:
  [[nodiscard]] std::string_view name() const override { return "wiretax-tcp"; }
  [[nodiscard]] std::string_view purpose() const override {
    return "Measures TCP between ranks: bandwidth of one or more streams, and round trips. Run it "
           "under mpirun.";
  }

  void add_options(CLI::App& app) override {
    app.add_option("--mode", modes_, "bandwidth, latency")
        ->delimiter(',')
        ->check(CLI::IsMember({"bandwidth", "latency"}))
        ->capture_default_str();
    app.add_option("--streams", streams_, "Streams of the bandwidth, a thread each")
        ->delimiter(',')
        ->check(CLI::Range(1, 128))
        ->capture_default_str();
    app.add_option(
           "--interface", interfaces_,
           "NAME or a network such as 192.168.100.0/24; default: the fastest network that all "
           "ranks share, or loopback on one machine")
        ->delimiter(',');
    app.add_flag("--busy-poll", busy_poll_, "Ask the kernel again and again instead of sleeping");
  }

  void before_mpi(const Options& options) override {
    bandwidth_sizes_ = requested_sizes(options, kBandwidthSizes);
    round_trip_sizes_ = requested_sizes(options, kRoundTripSizes);
  }

  void set_up(Session& session) override {
    auto& ranks = session.ranks;
    networks_ = shared_networks(session, interfaces_);
    rounds_ = round_robin(ranks.size());
    session.context["interfaces"] = describe_networks().dump();
    session.context["wiretax_fabric"] = Json("tcp " + networks_.front().label).dump();
    session.context["wiretax_fabric_kind"] =
        Json(networks_.front().loopback ? "loopback" : "host_tcp").dump();
    session.context["transport"] = Json("TCP over IPv4").dump();
  }

  std::vector<Point> points(const Session& session) override {
    std::vector<Point> points;
    for (std::size_t network = 0; network < networks_.size(); ++network) {
      for (const auto& mode : modes_) {
        const bool bandwidth = mode == "bandwidth";
        const auto& sizes = bandwidth ? bandwidth_sizes_ : round_trip_sizes_;
        for (const auto streams : bandwidth ? streams_ : std::vector<std::uint64_t>{1}) {
          for (const auto bytes : sizes.of("all_reduce", 2)) {
            add_rounds(
                session,
                {{"network", network}, {"mode", mode}, {"streams", streams}, {"bytes", bytes}},
                points);
          }
        }
      }
    }
    return points;
  }

  [[nodiscard]] int groups(const Session& session) const override {
    return std::max(1, session.ranks.size() / 2);
  }

  [[nodiscard]] std::uint64_t memory_bytes(const Point& point) const override {
    const auto streams = Json::parse(point.specification)["streams"].get<std::uint64_t>();
    return 2 * point.bytes + streams * kMostReadBuffer;
  }

  std::unique_ptr<Body> prepare(Session& session, const std::string& specification) override {
    const auto wanted = Json::parse(specification);
    const int rank = session.ranks.rank();
    const auto& network = networks_.at(wanted["network"].get<std::size_t>());
    const auto& round = rounds_.at(wanted["round"].get<std::size_t>());
    StreamPair pair;
    int index = 0;
    for (std::size_t i = 0; i < round.size(); ++i) {
      const auto [from, to] = ends_of(round[i], wanted["reverse"]);
      if (rank != from && rank != to) continue;
      pair = {from, to, network.address_of(from), network.address_of(to)};
      index = static_cast<int>(i);
    }
    const auto waiting = busy_poll_ ? Waiting::kBusyPoll : Waiting::kBlocking;
    auto sockets = open_streams(session.ranks, pair, wanted["streams"].get<std::size_t>());
    const auto bytes = wanted["bytes"].get<std::uint64_t>();
    if (wanted["mode"] == "latency") {
      return std::make_unique<RoundTripBody>(pair, index, rank, std::move(sockets), waiting, bytes);
    }
    return std::make_unique<BandwidthBody>(pair, index, rank, std::move(sockets), waiting, bytes,
                                           session.placement.cores);
  }

  void describe(const Session& /*session*/, const Point& point,
                const std::vector<std::string>& evidence, Row& row) override {
    const auto wanted = Json::parse(point.specification);
    const auto& round = rounds_.at(wanted["round"].get<std::size_t>());
    const auto [from, to] =
        ends_of(round.at(static_cast<std::size_t>(point.group)), wanted["reverse"]);
    const auto seen = Json::parse(evidence.at(static_cast<std::size_t>(from)));
    const auto retransmits = seen["retransmits"].get<double>();
    row.counters["ranks"] = 2;
    row.counters["retransmits"] = retransmits;
    row.counters["srtt_us"] = seen["rtt_s"].get<double>() / kMicrosecond;
    row.counters["wire_bytes"] = seen["sent"];
    if (retransmits > 0)
      row.doubts.push_back(fmt::format("{:.0f} segments sent again", retransmits));
    if (wanted["mode"] == "latency") return;
    const auto streams = wanted["streams"].get<double>();
    const double rate = static_cast<double>(point.bytes) * streams / row.time_s;
    row.counters["streams"] = streams;
    row.counters["GBps"] = rate / kGigabyte;
    row.counters["Gbps"] = rate / kGigabit;
    const auto& network = networks_.at(wanted["network"].get<std::size_t>());
    if (const auto bound = network.bound(from, to)) row.counters["bound_Gbps"] = *bound / kGigabit;
  }

 private:
  static std::pair<int, int> ends_of(const std::pair<int, int>& pair, bool reverse) {
    return reverse ? std::pair(pair.second, pair.first) : pair;
  }

  /// One specification for each round of disjoint pairs, one point for each pair.
  void add_rounds(const Session& session, Json specification, std::vector<Point>& points) const {
    const bool bandwidth = specification["mode"] == "bandwidth";
    const auto bytes = specification["bytes"].get<std::uint64_t>();
    const auto& network = networks_.at(specification["network"].get<std::size_t>());
    const bool both_ways = bandwidth && session.options.profile == Profile::kFull;
    for (std::size_t round = 0; round < rounds_.size(); ++round) {
      for (const bool reverse : both_ways ? std::vector{false, true} : std::vector{false}) {
        specification["round"] = round;
        specification["reverse"] = reverse;
        for (std::size_t i = 0; i < rounds_[round].size(); ++i) {
          const auto [from, to] = ends_of(rounds_[round][i], reverse);
          const auto name = fmt::format(
              "{}/interface:{}/from:{}/to:{}{}{}/bytes:{}",
              bandwidth ? "tcp_bandwidth" : "tcp_round_trip", network.label, from, to,
              bandwidth ? fmt::format("/streams:{}", specification["streams"].get<int>()) : "",
              busy_poll_ ? "/poll:busy" : "", bytes);
          points.push_back({.name = name,
                            .specification = specification.dump(),
                            .bytes = bytes,
                            .precision = bandwidth ? Precision::kBandwidth : Precision::kLatency,
                            .timing = bandwidth ? Timing::kSpan : Timing::kEach,
                            .symmetric = false,  // a sender is done when its last block is buffered
                            .group = static_cast<int>(i)});
        }
      }
    }
  }

  [[nodiscard]] Json describe_networks() const {
    Json list = Json::array();
    for (const auto& network : networks_) {
      for (const auto& interface : network.by_rank) {
        list.push_back(fmt::format(
            "{} {}/{} mtu {}{}", interface.name, format_address(interface.address),
            interface.prefix_length, interface.mtu,
            interface.speed ? fmt::format(" {:.0f} Gb/s", *interface.speed / kGigabit) : ""));
      }
    }
    return list;
  }

  std::vector<std::string> modes_ = {"bandwidth", "latency"};
  std::vector<std::uint64_t> streams_ = {1, 4};
  std::vector<std::string> interfaces_;
  bool busy_poll_ = false;
  Sizes bandwidth_sizes_;
  Sizes round_trip_sizes_;
  std::vector<Network> networks_;
  std::vector<std::vector<std::pair<int, int>>> rounds_;
};

}  // namespace
}  // namespace wiretax::bench

int main(int argc, char** argv) {
  wiretax::bench::TcpProgram program;
  return wiretax::bench::run_program(program, argc, argv);
}
