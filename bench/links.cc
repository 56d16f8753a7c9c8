// wiretax-links: every link between two hosts alone, then all of them at once, over RDMA and TCP.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/harness/link_transport.h"
#include "bench/harness/links_record.h"
#include "bench/harness/model_sizes.h"
#include "bench/harness/program.h"
#include "bench/harness/rdma_program.h"
#include "bench/harness/rdma_record.h"
#include "report/units.h"

namespace wiretax::bench {
namespace {

using Json = nlohmann::json;

constexpr const char* kRdmaSizes = "64Ki,1Mi";
constexpr const char* kTcpSizes = "128Ki";

/// What a specification says.
struct Order {
  std::size_t transport = 0;
  LinkChoice choice;
  std::uint64_t bytes = 0;
  std::size_t round = 0;

  [[nodiscard]] std::string text() const {
    return Json{transport, choice.place, choice.all, bytes, round}.dump();
  }
  static Order from(const std::string& text) {
    const auto json = Json::parse(text);
    return {.transport = json.at(0),
            .choice = {.place = json.at(1), .all = json.at(2)},
            .bytes = json.at(3),
            .round = json.at(4)};
  }
};

class Links : public RdmaProgram {
 public:
  [[nodiscard]] std::string_view name() const override { return "wiretax-links"; }
  [[nodiscard]] std::string_view purpose() const override {
    return "Sends over every link between ranks alone, then over all of them at once, with RDMA "
           "and with TCP, and tells what they share. Run it under mpirun.";
  }

  void add_options(CLI::App& app) override {
    RdmaProgram::add_options(app);
    app.add_option("--transport", wanted_, "rdma, tcp")
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
    if (wants("rdma")) {
      RdmaProgram::set_up(session);
    } else {
      find_links(session);
    }
    if (session.ranks.size() < 2) return;
    if (wants("rdma") && !links().missing()) add_rdma(session);
    if (wants("tcp")) {
      TcpLinks found(session, interfaces_, &links());
      if (found.most() > 0) {
        transports_.push_back(std::make_unique<TcpTransport>(found, streams_));
      }
    }
    if (!transports_.empty() && transports_.front()->name() == "tcp") {  // TCP is all there is
      session.context["transport"] = Json("TCP over IPv4").dump();
      session.context["wiretax_fabric"] = Json("tcp").dump();
      session.context["wiretax_fabric_kind"] =
          Json(session.one_network_stack() ? "loopback" : "host_tcp").dump();
    }
    add_limits(session);
  }

  [[nodiscard]] std::optional<std::string> missing(const Session& session) const override {
    if (!transports_.empty()) return std::nullopt;
    if (session.ranks.size() < 2) return RdmaProgram::missing(session);
    const std::string tcp = "no two ranks have a link for TCP: name interfaces with --interface";
    if (!wants("rdma")) return tcp;
    const auto rdma = RdmaProgram::missing(session).value_or("");
    return wants("tcp") ? fmt::format("{}; and {}", rdma, tcp) : rdma;
  }

  /// Each link alone, and all together where there are several.
  std::vector<Point> points(const Session& session) override {
    if (missing(session)) return nothing();
    std::vector<Point> points;
    for (std::size_t transport = 0; transport < transports_.size(); ++transport) {
      for (const auto& choice : choices(*transports_[transport])) {
        add_points({.transport = transport, .choice = choice}, points);
      }
    }
    return points;
  }

  [[nodiscard]] std::uint64_t memory_bytes(const Point& point) const override {
    if (transports_.empty()) return 0;
    const auto order = Order::from(point.specification);
    const auto& transport = *transports_.at(order.transport);
    return transport.memory_bytes(point.bytes) * (order.choice.all ? transport.most() : 1);
  }

  std::unique_ptr<Body> prepare(Session& session, const std::string& specification) override {
    const auto order = Order::from(specification);
    const auto seat = seat_of(rounds().at(order.round), session.ranks.rank());
    return transports_.at(order.transport)->open(session, seat, order.choice, order.bytes);
  }

  void describe(const Session& session, const Point& point,
                const std::vector<std::string>& evidence, Row& row) override {
    const auto order = Order::from(point.specification);
    const auto& transport = *transports_.at(order.transport);
    const auto pair = rounds().at(order.round).at(static_cast<std::size_t>(point.group));
    const auto seen_by = [&](int rank) {
      return decode_links_together(evidence.at(static_cast<std::size_t>(rank)));
    };
    const auto names = transport.names(pair, order.choice);
    add_rates(seen_by(transport.witness(pair)), names, row);
    add_wire_bytes(seen_by(pair.from), names, row);
    for (const int rank : {pair.from, pair.to}) {
      for (const auto& link : seen_by(rank).links) {
        transport.add_losses(link, session.ranks.describe(rank), row);
      }
    }
    std::ranges::move(transport.doubts(pair, order.choice), std::back_inserter(row.doubts));
    if (session.same_machine(pair.from, pair.to)) return;
    if (const auto bound = transport.bound(pair, order.choice)) {
      row.counters["bound_Gbps"] = bound->bytes_per_s / kGigabit;
    }
  }

 private:
  [[nodiscard]] bool wants(std::string_view transport) const {
    return std::ranges::count(wanted_, transport) > 0;
  }

  void add_rdma(Session& session) {
    auto rdma = std::make_unique<RdmaTransport>(links(), RdmaSettings{.queue_pairs = queue_pairs(),
                                                                      .depth = depth(),
                                                                      .memory = fabric().memory(),
                                                                      .cuda = fabric().cuda()});
    std::vector<RdmaSettings> wanted;
    for (const auto bytes : rdma_sizes_.of("all_reduce", 2)) {
      wanted.push_back(rdma->settings_for(bytes));
    }
    refuse_impossible(session, wanted);
    transports_.push_back(std::move(rdma));
  }

  /// Each link by itself, then all.
  static std::vector<LinkChoice> choices(const LinkTransport& transport) {
    std::vector<LinkChoice> choices;
    for (std::size_t i = 0; i < transport.most(); ++i) choices.push_back({.place = i});
    choices.push_back({.all = true});
    return choices;
  }

  void add_limits(Session& session) const {
    for (const auto& transport : transports_) {
      for (const auto& choice : choices(*transport)) {
        for (const auto& round : rounds()) {
          for (const auto& pair : round) {
            const auto names = transport->names(pair, choice);
            if (names.empty() || session.same_machine(pair.from, pair.to)) continue;
            add_limit(session, pair, fmt::format("{}", fmt::join(names, "+")),
                      transport->bound(pair, choice));
          }
        }
      }
    }
  }

  /// The points that are skipped where there is nothing to measure.
  [[nodiscard]] std::vector<Point> nothing() const {
    std::vector<Point> points;
    const bool rdma = wanted_.front() == "rdma";
    for (const auto bytes : (rdma ? rdma_sizes_ : tcp_sizes_).of("all_reduce", 2)) {
      for (std::size_t round = 0; round < rounds().size(); ++round) {
        for (std::size_t i = 0; i < rounds()[round].size(); ++i) {
          const auto& pair = rounds()[round][i];
          points.push_back(point_of({.choice = {}, .bytes = bytes, .round = round}, i,
                                    fmt::format("{}_links/links:none/from:{}/to:{}",
                                                wanted_.front(), pair.from, pair.to)));
        }
      }
    }
    return points;
  }

  /// Every size and every pair of ranks.
  void add_points(Order order, std::vector<Point>& points) const {
    const auto& transport = *transports_[order.transport];
    const auto& sizes = transport.name() == "rdma" ? rdma_sizes_ : tcp_sizes_;
    for (const auto bytes : sizes.of("all_reduce", 2)) {
      order.bytes = bytes;
      for (order.round = 0; order.round < rounds().size(); ++order.round) {
        for (std::size_t i = 0; i < rounds()[order.round].size(); ++i) {
          const auto& pair = rounds()[order.round][i];
          const auto names = transport.names(pair, order.choice);
          const bool repeats = order.choice.all && names.size() < 2;  // one link alone is known
          if (names.empty() || repeats) continue;
          auto point =
              point_of(order, i,
                       fmt::format("{}_links/links:{}/from:{}/to:{}{}", transport.name(),
                                   fmt::join(names, "+"), pair.from, pair.to, transport.suffix()));
          point.operation_bytes = transport.operation_bytes(bytes) * names.size();
          // Told is the time of one message, as if they came one after the other.
          point.share = static_cast<double>(bytes) / static_cast<double>(point.operation_bytes);
          points.push_back(std::move(point));
        }
      }
    }
  }

  static Point point_of(const Order& order, std::size_t i, const std::string& name) {
    return {.name = fmt::format("{}/bytes:{}", name, order.bytes),
            .specification = order.text(),
            .bytes = order.bytes,
            .precision = Precision::kBandwidth,
            .timing = Timing::kSpan,
            .symmetric = false,
            .group = static_cast<int>(i)};
  }

  std::vector<std::string> wanted_ = {"rdma", "tcp"};
  std::vector<std::string> interfaces_;
  std::size_t streams_ = 4;
  std::vector<std::unique_ptr<LinkTransport>> transports_;
  Sizes rdma_sizes_;
  Sizes tcp_sizes_;
};

}  // namespace
}  // namespace wiretax::bench

int main(int argc, char** argv) {
  wiretax::bench::Links program;
  return wiretax::bench::run_program(program, argc, argv);
}
