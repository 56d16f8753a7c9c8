// wiretax-links: every link between two hosts alone, then all of them at once, over RDMA and TCP.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/harness/model_sizes.h"
#include "bench/harness/program.h"
#include "bench/harness/rdma_links_body.h"
#include "bench/harness/rdma_program.h"
#include "bench/harness/tcp_links.h"
#include "bench/harness/tcp_links_body.h"
#include "report/units.h"

namespace wiretax::bench {
namespace {

using Json = nlohmann::json;

constexpr const char* kRdmaSizes = "64Ki,1Mi";
constexpr const char* kTcpSizes = "128Ki";
constexpr const char* kTransports[] = {"rdma", "tcp"};

class Links : public RdmaProgram {
 public:
  [[nodiscard]] std::string_view name() const override { return "wiretax-links"; }
  [[nodiscard]] std::string_view purpose() const override {
    return "Sends over every link between ranks alone, then over all of them at once, with RDMA "
           "and with TCP, and tells what they share. Run it under mpirun.";
  }

  void add_options(CLI::App& app) override {
    RdmaProgram::add_options(app);
    app.add_option("--transport", transports_, "rdma, tcp")
        ->delimiter(',')
        ->check(CLI::IsMember({"rdma", "tcp"}))
        ->capture_default_str();
    app.add_option("--interface", interfaces_,
                   "TCP's links: NAMEs or networks such as 192.168.100.0/24; default: the "
                   "interfaces of the RDMA links")
        ->delimiter(',');
    app.add_option("--streams", streams_, "TCP streams of each link, a thread each")
        ->check(CLI::Range(1, 128))
        ->capture_default_str();
  }

  void before_mpi(const Options& options) override {
    rdma_sizes_ = Sizes(parse_byte_list(options.bytes.empty() ? kRdmaSizes : options.bytes));
    tcp_sizes_ = Sizes(parse_byte_list(options.bytes.empty() ? kTcpSizes : options.bytes));
  }

  void set_up(Session& session) override {
    RdmaProgram::set_up(session);
    if (session.ranks.size() < 2) return;
    if (links().missing()) {  // TCP is all there is
      session.context["transport"] = Json("TCP over IPv4").dump();
      session.context["wiretax_fabric"] = Json("tcp").dump();
      session.context["wiretax_fabric_kind"] = Json("host_tcp").dump();
    }
    if (wants("tcp")) tcp_.emplace(session, interfaces_, &links());
    for (const auto* const transport : kTransports) {
      if (!usable(transport)) continue;
      for (int from = 0; from < session.ranks.size(); ++from) {
        for (int to = from + 1; to < session.ranks.size(); ++to) {
          if (!session.same_machine(from, to)) add_limits(session, {from, to}, transport);
        }
      }
    }
  }

  [[nodiscard]] std::optional<std::string> missing(const Session& session) const override {
    if (session.ranks.size() > 1 && (usable("rdma") || usable("tcp"))) return std::nullopt;
    if (auto reason = RdmaProgram::missing(session)) return reason;
    return "no two ranks have a link for TCP: name interfaces with --interface";
  }

  /// Each link alone, and all together where there are several.
  std::vector<Point> points(const Session& session) override {
    std::vector<Point> points;
    if (missing(session)) {
      add_points({{"transport", transports_.front()}, {"set", 0}, {"all", false}}, true, points);
      return points;
    }
    for (const auto* const transport : kTransports) {
      if (!usable(transport)) continue;
      for (std::size_t set = 0; set <= most(transport); ++set) {
        add_points({{"transport", transport}, {"set", set}, {"all", set == most(transport)}}, false,
                   points);
      }
    }
    return points;
  }

  [[nodiscard]] std::uint64_t memory_bytes(const Point& point) const override {
    const auto order = Json::parse(point.specification);
    const std::uint64_t each =
        is_tcp(order) ? point.bytes + streams_ * kTcpReadBuffer : 2 * point.bytes + kMebibyte;
    return each * (order["all"].get<bool>() ? most(order["transport"].get<std::string>()) : 1);
  }

  std::unique_ptr<Body> prepare(Session& session, const std::string& specification) override {
    const auto order = Json::parse(specification);
    const auto& round = rounds().at(order["round"].get<std::size_t>());
    RdmaPair pair;
    int index = 0;
    for (std::size_t i = 0; i < round.size(); ++i) {
      const RdmaPair candidate{round[i].first, round[i].second};
      if (!candidate.has(session.ranks.rank())) continue;
      pair = candidate;
      index = static_cast<int>(i);
    }
    if (is_tcp(order)) return prepare_tcp(session, order, pair, index);
    return prepare_rdma(session, order, pair, index);
  }

  void describe(const Session& session, const Point& point,
                const std::vector<std::string>& evidence, Row& row) override {
    const auto order = Json::parse(point.specification);
    const auto [from, to] =
        rounds().at(order["round"].get<std::size_t>()).at(static_cast<std::size_t>(point.group));
    const RdmaPair pair{from, to};
    const auto sent = decode_links_together(evidence.at(static_cast<std::size_t>(from)));
    const auto received = decode_links_together(evidence.at(static_cast<std::size_t>(to)));
    const auto names = names_of(pair, order);
    // RDMA's sender hears of every arrival; TCP's is done when its last block is buffered.
    add_rates(is_tcp(order) ? received : sent, names, row);
    add_wire_bytes(sent, names, row);
    row.counters["retransmits"] = 0;
    for (const auto& [rank, seen] : {std::pair(from, sent), std::pair(to, received)}) {
      for (const auto& link : seen.links) {
        if (is_tcp(order)) {
          add_retransmits(link, session.ranks.describe(rank), row);
        } else {
          add_losses(link.port, link.growth, session.ranks.describe(rank), row);
        }
      }
    }
    for (auto& doubt : doubts_of(pair, order)) row.doubts.push_back(std::move(doubt));
    if (session.same_machine(from, to)) return;
    if (const auto bound = bound_of_chosen(pair, order)) {
      row.counters["bound_Gbps"] = bound->bytes_per_s / kGigabit;
    }
  }

 private:
  static bool is_tcp(const Json& order) { return order["transport"] == "tcp"; }

  [[nodiscard]] bool wants(std::string_view transport) const {
    return std::ranges::count(transports_, transport) > 0;
  }
  [[nodiscard]] bool usable(std::string_view transport) const {
    if (!wants(transport)) return false;
    return transport == "tcp" ? tcp_ && tcp_->most() > 0 : !links().missing();
  }
  [[nodiscard]] std::size_t most(std::string_view transport) const {
    return transport == "tcp" ? tcp_->most() : links().most();
  }

  /// Of all links between two ranks, those that an order is about.
  template <typename Link>
  static std::vector<const Link*> chosen(const std::vector<Link>& all, const Json& order) {
    const auto set = order["set"].get<std::size_t>();
    std::vector<const Link*> chosen;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (order["all"].get<bool>() || i == set) chosen.push_back(&all[i]);
    }
    return chosen;
  }

  [[nodiscard]] std::vector<std::string> names_of(const RdmaPair& pair, const Json& order) const {
    std::vector<std::string> names;
    if (is_tcp(order)) {
      for (const auto* const link : chosen(tcp_->between(pair.from, pair.to), order)) {
        names.push_back(link->name);
      }
    } else {
      for (const auto* const link : chosen(links().between(pair.from, pair.to), order)) {
        names.push_back(link->name);
      }
    }
    return names;
  }

  /// TCP does not choose by GID, but packets of a crowded subnet leave by any of its ports.
  [[nodiscard]] std::vector<std::string> doubts_of(const RdmaPair& pair, const Json& order) const {
    std::vector<std::string> doubts;
    if (is_tcp(order)) {
      for (const auto* const link : chosen(tcp_->between(pair.from, pair.to), order)) {
        if (link->cable) doubts.push_back(link->cable->pairing_doubt);
      }
    } else {
      for (const auto* const link : chosen(links().between(pair.from, pair.to), order)) {
        doubts.push_back(link->doubt);
      }
    }
    std::erase(doubts, "");
    return doubts;
  }

  [[nodiscard]] std::optional<verbs::Bound> bound_of_chosen(const RdmaPair& pair,
                                                            const Json& order) const {
    if (is_tcp(order)) return bound_of(chosen(tcp_->between(pair.from, pair.to), order));
    return bound_of(chosen(links().between(pair.from, pair.to), order));
  }

  void add_limits(Session& session, const RdmaPair& pair, const std::string& transport) const {
    for (std::size_t set = 0; set <= most(transport); ++set) {
      const Json order = {{"transport", transport}, {"set", set}, {"all", set == most(transport)}};
      const auto names = names_of(pair, order);
      if (names.empty()) continue;
      add_limit(session, fmt::format("{}", fmt::join(names, "+")), bound_of_chosen(pair, order));
    }
  }

  /// So much on its way that a link has always something to do, and not more: what is shared out
  /// to a link is done by that link, and the others wait for its end. Software needs no more than a
  /// few messages.
  [[nodiscard]] std::uint32_t depth_of(std::uint64_t bytes) const {
    constexpr std::uint64_t kOnTheWay = 2 * kMebibyte;
    constexpr std::uint64_t kOnTheWayEmulated = 256 * kKibibyte;
    const bool emulated = !links().missing() && links().emulated();
    const auto enough = (emulated ? kOnTheWayEmulated : kOnTheWay) / bytes;
    return std::min(depth(), static_cast<std::uint32_t>(std::max<std::uint64_t>(2, enough)));
  }

  // Opening is collective: every rank goes through as many links as any pair has.

  std::unique_ptr<Body> prepare_rdma(Session& session, const Json& order, const RdmaPair& pair,
                                     int index) const {
    std::vector<const RdmaLink*> mine;
    if (pair.from != RdmaPair::kNobody) mine = chosen(links().between(pair.from, pair.to), order);
    const RdmaSettings settings = {.bytes = order["bytes"],
                                   .queue_pairs = queue_pairs(),
                                   .depth = depth_of(order["bytes"]),
                                   .moderation = 1,
                                   .memory = memory(),
                                   .cuda = cuda()};
    std::vector<std::unique_ptr<RdmaBandwidthBody>> bodies;
    for (std::size_t i = 0; i < (order["all"].get<bool>() ? most("rdma") : 1); ++i) {
      auto wire =
          RdmaWire::open(session.ranks, pair, i < mine.size() ? mine[i] : nullptr, settings);
      if (wire) bodies.push_back(std::make_unique<RdmaBandwidthBody>(std::move(wire), index));
    }
    return std::make_unique<RdmaLinksBody>(std::move(bodies), index);
  }

  std::unique_ptr<Body> prepare_tcp(Session& session, const Json& order, const RdmaPair& pair,
                                    int index) const {
    const int rank = session.ranks.rank();
    std::vector<const TcpLink*> mine;
    if (pair.from != RdmaPair::kNobody) mine = chosen(tcp_->between(pair.from, pair.to), order);
    std::vector<Descriptor> streams;
    std::vector<verbs::Port> ports;
    for (std::size_t i = 0; i < (order["all"].get<bool>() ? most("tcp") : 1); ++i) {
      StreamPair ends;
      if (i < mine.size()) {
        ends = {pair.from, pair.to, mine[i]->from.address, mine[i]->to.address};
        ports.push_back(mine[i]->port_of(rank == pair.from));
      }
      std::ranges::move(open_streams(session.ranks, ends, streams_), std::back_inserter(streams));
    }
    const StreamPair ends = mine.empty() ? StreamPair{} : StreamPair{pair.from, pair.to};
    return std::make_unique<TcpLinksBody>(ends, index, rank, std::move(streams), std::move(ports),
                                          Waiting::kBlocking, order["bytes"],
                                          session.placement.cores);
  }

  /// Every size and every pair of ranks.
  void add_points(Json order, bool nothing, std::vector<Point>& points) const {
    for (const auto bytes : (is_tcp(order) ? tcp_sizes_ : rdma_sizes_).of("all_reduce", 2)) {
      order["bytes"] = bytes;
      for (std::size_t round = 0; round < rounds().size(); ++round) {
        order["round"] = round;
        for (std::size_t i = 0; i < rounds()[round].size(); ++i) {
          add_point(order, i, nothing, points);
        }
      }
    }
  }

  void add_point(const Json& order, std::size_t i, bool nothing, std::vector<Point>& points) const {
    const auto [from, to] = rounds().at(order["round"].get<std::size_t>()).at(i);
    const auto names =
        nothing ? std::vector<std::string>{"none"} : names_of(RdmaPair{from, to}, order);
    const bool repeats = order["all"].get<bool>() && names.size() < 2;  // one link alone is known
    if (names.empty() || repeats) return;
    const auto streams = is_tcp(order) ? fmt::format("/streams:{}", streams_) : "";
    const auto blocks = nothing         ? 0
                        : is_tcp(order) ? TcpLinksBody::kBlocks * streams_
                                        : RdmaLinksBody::kDepths * depth_of(order["bytes"]);
    const auto bytes = order["bytes"].get<std::uint64_t>();
    points.push_back({.name = fmt::format("{}_links/links:{}/from:{}/to:{}{}/bytes:{}",
                                          order["transport"].get<std::string>(),
                                          fmt::join(names, "+"), from, to, streams, bytes),
                      .specification = order.dump(),
                      .bytes = bytes,
                      .precision = Precision::kBandwidth,
                      .timing = Timing::kSpan,
                      .symmetric = false,
                      .group = static_cast<int>(i),
                      .operation_bytes = bytes * blocks * names.size()});
  }

  static void add_rates(const LinksTogether& seen, const std::vector<std::string>& names,
                        Row& row) {
    double fastest = 0;
    double slowest = 0;
    for (std::size_t i = 0; i < seen.links.size(); ++i) {
      const auto& link = seen.links[i];
      const double rate = link.seconds > 0 ? link.bytes / link.seconds : 0;
      fastest = std::max(fastest, rate);
      slowest = i == 0 ? rate : std::min(slowest, rate);
      row.counters["GBps_" + names.at(i)] = rate / kGigabyte;
      row.counters["payload_bytes_" + names.at(i)] = link.bytes;
    }
    row.counters["ranks"] = 2;
    row.counters["links"] = static_cast<double>(seen.links.size());
    row.counters["overlap"] = seen.overlap();
    if (seen.overlap() < LinksTogether::kLeastOverlap) {
      row.invalid = fmt::format(
          "the links were at work together for {:.0f} % of the time only, so "
          "their sum says nothing",
          100 * seen.overlap());
      return;
    }
    row.counters["imbalance"] = fastest / slowest - 1;
    row.counters["GBps"] = seen.rate() / kGigabyte;
    row.counters["Gbps"] = seen.rate() / kGigabit;
  }

  /// What counters tell of where the bytes went.
  static void add_wire_bytes(const LinksTogether& sent, const std::vector<std::string>& names,
                             Row& row) {
    for (std::size_t i = 0; i < sent.links.size(); ++i) {
      const auto& growth = sent.links[i].growth;
      if (const auto wire = verbs::bytes_sent(growth)) {
        row.counters["wire_bytes_" + names.at(i)] = static_cast<double>(*wire);
      }
      const auto netdev = growth.find("netdev_tx_bytes");
      if (netdev != growth.end()) {
        row.counters["netdev_bytes_" + names.at(i)] = static_cast<double>(netdev->second);
      }
    }
  }

  static void add_retransmits(const LinksTogether::One& link, const std::string& rank, Row& row) {
    const auto found = link.growth.find(TcpLinksBody::kRetransmits);
    if (found == link.growth.end()) return;
    row.counters["retransmits"] += static_cast<double>(found->second);
    row.doubts.push_back(fmt::format("{} segment{} sent again on {} of {}", found->second,
                                     found->second > 1 ? "s" : "", link.port, rank));
  }

  std::vector<std::string> transports_ = {"rdma", "tcp"};
  std::vector<std::string> interfaces_;
  std::size_t streams_ = 4;
  std::optional<TcpLinks> tcp_;
  Sizes rdma_sizes_;
  Sizes tcp_sizes_;
};

}  // namespace
}  // namespace wiretax::bench

int main(int argc, char** argv) {
  wiretax::bench::Links program;
  return wiretax::bench::run_program(program, argc, argv);
}
