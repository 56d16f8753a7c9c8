// wiretax-tcp: bandwidth and round trip of plain TCP between ranks, on a chosen interface.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/harness/model_sizes.h"
#include "bench/harness/networks.h"
#include "bench/harness/program.h"
#include "bench/harness/round_robin.h"
#include "bench/harness/tcp_bodies.h"
#include "bench/harness/tcp_streams.h"
#include "report/units.h"

namespace wiretax::bench {
namespace {

using Json = nlohmann::json;

constexpr const char* kBandwidthSizes = "128Ki";
constexpr const char* kRoundTripSizes = "64,4Ki,10Ki,64Ki,1Mi";

/// What TCP counted at both ends; absent where it was not told.
void describe_tcp(const Json& from, const Json& to, Row& row) {
  if (from.empty() || to.empty()) return;
  const double retransmits = from["retransmits"].get<double>() + to["retransmits"].get<double>();
  row.counters["retransmits"] = retransmits;
  row.counters["srtt_us"] = from["rtt_s"].get<double>() / kMicrosecond;
  row.counters["wire_bytes"] = from["sent"];
  if (retransmits > 0)
    row.doubts.push_back(
        fmt::format("{:.0f} segment{} sent again", retransmits, retransmits > 1 ? "s" : ""));
}

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
    // Bandwidth is that of a stream, which a model's small messages would not show.
    bandwidth_sizes_ =
        Sizes(parse_byte_list(options.bytes.empty() ? kBandwidthSizes : options.bytes));
    round_trip_sizes_ = requested_sizes(options, kRoundTripSizes);
  }

  void set_up(Session& session) override {
    networks_ = shared_networks(session, interfaces_);
    rounds_ = session.rounds();
    session.context["interfaces"] = describe_networks().dump();
    session.context["wiretax_fabric"] = Json("tcp " + networks_.front().label).dump();
    session.context["wiretax_fabric_kind"] =
        Json(networks_.front().loopback ? "loopback" : "host_tcp").dump();
    session.context["congestion_control"] = Json(congestion_control()).dump();
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
    return 2 * point.bytes + streams * kTcpReadBuffer;
  }

  std::unique_ptr<Body> prepare(Session& session, const std::string& specification) override {
    const auto wanted = Json::parse(specification);
    const int rank = session.ranks.rank();
    const auto& network = networks_.at(wanted["network"].get<std::size_t>());
    const auto [ranks, index] = seat_of(rounds_.at(wanted["round"].get<std::size_t>()), rank);
    StreamPair pair;
    if (ranks.has(rank)) {
      const auto ends = ends_of(ranks, wanted["reverse"]);
      pair = {ends, network.address_of(ends.from), network.address_of(ends.to)};
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

  void describe(const Session& session, const Point& point,
                const std::vector<std::string>& evidence, Row& row) override {
    const auto wanted = Json::parse(point.specification);
    const auto& round = rounds_.at(wanted["round"].get<std::size_t>());
    const auto [from, to] =
        ends_of(round.at(static_cast<std::size_t>(point.group)), wanted["reverse"]);
    row.counters["ranks"] = 2;
    describe_tcp(Json::parse(evidence.at(static_cast<std::size_t>(from))),
                 Json::parse(evidence.at(static_cast<std::size_t>(to))), row);
    if (wanted["mode"] == "latency") return;
    const auto streams = wanted["streams"].get<double>();
    const double rate = static_cast<double>(point.bytes) * streams / row.time_s;
    row.counters["streams"] = streams;
    row.counters["GBps"] = rate / kGigabyte;
    row.counters["Gbps"] = rate / kGigabit;
    const auto& network = networks_.at(wanted["network"].get<std::size_t>());
    // Between ranks of one machine nothing leaves it, whatever the address.
    const auto bound =
        session.same_network_stack(from, to) ? std::nullopt : network.bound(from, to);
    if (bound) row.counters["bound_Gbps"] = *bound / kGigabit;
  }

 private:
  static RankPair ends_of(const RankPair& pair, bool reverse) {
    return reverse ? pair.reversed() : pair;
  }

  /// One specification for each round of disjoint pairs, one point for each pair.
  void add_rounds(const Session& session, Json specification, std::vector<Point>& points) const {
    const bool both_ways =
        specification["mode"] == "bandwidth" && session.options.profile == Profile::kFull;
    for (std::size_t round = 0; round < rounds_.size(); ++round) {
      for (const bool reverse : both_ways ? std::vector{false, true} : std::vector{false}) {
        specification["round"] = round;
        specification["reverse"] = reverse;
        for (std::size_t i = 0; i < rounds_[round].size(); ++i) {
          points.push_back(point_of(specification, i));
        }
      }
    }
  }

  /// The point of the i-th pair of a specification's round.
  [[nodiscard]] Point point_of(const Json& specification, std::size_t i) const {
    const bool bandwidth = specification["mode"] == "bandwidth";
    const auto bytes = specification["bytes"].get<std::uint64_t>();
    const auto& network = networks_.at(specification["network"].get<std::size_t>());
    const auto& round = rounds_.at(specification["round"].get<std::size_t>());
    const auto [from, to] = ends_of(round.at(i), specification["reverse"]);
    const auto streams =
        bandwidth ? fmt::format("/streams:{}", specification["streams"].get<int>()) : "";
    return {.name = fmt::format("{}/interface:{}/from:{}/to:{}{}{}/bytes:{}",
                                bandwidth ? "tcp_bandwidth" : "tcp_round_trip", network.label, from,
                                to, streams, busy_poll_ ? "/poll:busy" : "", bytes),
            .specification = specification.dump(),
            .bytes = bytes,
            .precision = bandwidth ? Precision::kBandwidth : Precision::kLatency,
            .timing = bandwidth ? Timing::kSpan : Timing::kEach,
            .symmetric = false,  // a sender is done when its last block is buffered
            .group = static_cast<int>(i)};
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
  std::vector<Round> rounds_;
};

}  // namespace
}  // namespace wiretax::bench

int main(int argc, char** argv) {
  wiretax::bench::TcpProgram program;
  return wiretax::bench::run_program(program, argc, argv);
}
