// wiretax-rdma: RDMA write, send and read between ranks, bandwidth and latency, link by link.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "bench/harness/model_sizes.h"
#include "bench/harness/program.h"
#include "bench/harness/rdma_bodies.h"
#include "bench/harness/rdma_program.h"
#include "bench/harness/rdma_record.h"
#include "report/units.h"

namespace wiretax::bench {
namespace {

using Json = nlohmann::json;

constexpr const char* kBandwidthSizes = "64Ki,1Mi,8Mi";
constexpr const char* kLatencySizes = "2,4Ki,10Ki,64Ki";
constexpr int kAutomatic = -1;

constexpr std::array kOperations = {RdmaOperation::kWrite, RdmaOperation::kSend,
                                    RdmaOperation::kRead};

class Rdma : public RdmaProgram {
 public:
  [[nodiscard]] std::string_view name() const override { return "wiretax-rdma"; }
  [[nodiscard]] std::string_view purpose() const override {
    return "Measures RDMA write, send and read between ranks over libibverbs: bandwidth and "
           "latency of every link alone. Run it under mpirun.";
  }

  void add_options(CLI::App& app) override {
    RdmaProgram::add_options(app);
    app.add_option("--op", operations_, "write, send, read")
        ->delimiter(',')
        ->check(CLI::IsMember({"write", "send", "read"}))
        ->capture_default_str();
    app.add_option("--mode", modes_, "bandwidth, latency")
        ->delimiter(',')
        ->check(CLI::IsMember({"bandwidth", "latency"}))
        ->capture_default_str();
    app.add_option("--moderation", moderation_, "One completion for so many messages")
        ->check(CLI::Range(1, 65536))
        ->capture_default_str();
    app.add_option("--inline", inline_bytes_,
                   "Messages of up to so many bytes travel inside the request; default: 220, or "
                   "what the device can, for latency, 0 for bandwidth and for soft-RoCE")
        ->check(CLI::Range(0, 65536));
    app.add_option("--mtu", mtu_, "Path MTU in bytes; default: what both ends can")
        ->check(CLI::IsMember({256, 512, 1024, 2048, 4096}));
    app.add_option("--connect", connect_, "exchange (over MPI) or cm (librdmacm)")
        ->check(CLI::IsMember({"exchange", "cm"}))
        ->capture_default_str();
    app.add_flag("--bidirectional", bidirectional_,
                 "Both ends send at once; the bandwidth is the sum, the latency the time of the "
                 "exchange");
  }

  void before_mpi(const Options& options) override {
    bandwidth_sizes_ =
        Sizes(parse_byte_list(options.bytes.empty() ? kBandwidthSizes : options.bytes));
    latency_sizes_ = requested_sizes(options, kLatencySizes);
  }

  void set_up(Session& session) override {
    RdmaProgram::set_up(session);
    if (missing(session)) return;
    for (const auto& round : rounds()) {
      for (const auto& pair : round) {
        if (session.same_machine(pair.from, pair.to)) continue;
        for (const auto& link : links().between(pair.from, pair.to)) {
          add_limit(session, pair, link.name, link.bound(link.path_mtu()));
        }
      }
    }
    std::vector<RdmaSettings> wanted;
    for (const auto& kind : kinds()) wanted.push_back(settings_for(kind));
    refuse_impossible(session, wanted);
  }

  std::vector<Point> points(const Session& session) override {
    const bool nothing = missing(session).has_value();
    const std::size_t count = nothing ? 1 : links().most();
    std::vector<Point> points;
    for (std::size_t link = 0; link < count; ++link) {
      for (auto specification : kinds()) {
        specification["link"] = link;
        add_rounds(std::move(specification), nothing, points);
      }
    }
    return points;
  }

  [[nodiscard]] std::uint64_t memory_bytes(const Point& point) const override {
    return 2 * point.bytes + kMebibyte;
  }

  std::unique_ptr<Body> prepare(Session& session, const std::string& specification) override {
    const auto wanted = Json::parse(specification);
    const int rank = session.ranks.rank();
    const auto [pair, index] = seat_of(rounds().at(wanted["round"].get<std::size_t>()), rank);
    const auto* const link = pair.has(rank) ? link_of(pair, wanted) : nullptr;
    auto wire = RdmaWire::open(session.ranks, pair, link, settings_for(wanted));
    if (wanted["mode"] == "latency") {
      return std::make_unique<RdmaLatencyBody>(std::move(wire), index);
    }
    return std::make_unique<RdmaBandwidthBody>(std::move(wire), index);
  }

  void describe(const Session& session, const Point& point,
                const std::vector<std::string>& evidence, Row& row) override {
    const auto wanted = Json::parse(point.specification);
    const auto [from, to] =
        rounds().at(wanted["round"].get<std::size_t>()).at(static_cast<std::size_t>(point.group));
    const auto& link = *link_of({from, to}, wanted);
    row.counters["ranks"] = 2;
    for (const int rank : {from, to}) {
      const auto seen = Json::parse(evidence.at(static_cast<std::size_t>(rank)));
      const auto growth = seen["growth"].get<verbs::Counters>();
      row.counters["mtu"] = seen["path_mtu"];
      add_rdma_losses({seen["port"], growth, seen["tells_losses"]}, session.ranks.describe(rank),
                      row);
      if (rank != from) continue;
      // What is read comes in.
      const bool reads = wanted["op"] == static_cast<int>(RdmaOperation::kRead);
      const auto bytes = reads ? verbs::bytes_received(growth) : verbs::bytes_sent(growth);
      if (bytes) {
        row.counters["wire_bytes"] = static_cast<double>(*bytes);
      }
    }
    if (!link.doubt.empty()) row.doubts.push_back(link.doubt);
    if (wanted["mode"] == "latency") return;
    add_rate(session, point, link, from, to, row);
  }

 private:
  /// What is measured on every link: mode, operation and size.
  [[nodiscard]] std::vector<Json> kinds() const {
    std::vector<Json> kinds;
    for (const auto& mode : modes_) {
      for (const auto operation : kOperations) {
        if (std::ranges::count(operations_, operation_name(operation)) == 0) continue;
        const auto& sizes = mode == "bandwidth" ? bandwidth_sizes_ : latency_sizes_;
        for (const auto bytes : sizes.of("all_reduce", 2)) {
          kinds.push_back({{"mode", mode}, {"op", static_cast<int>(operation)}, {"bytes", bytes}});
        }
      }
    }
    return kinds;
  }

  void add_rate(const Session& session, const Point& point, const RdmaLink& link, int from, int to,
                Row& row) const {
    const double ways = bidirectional_ ? 2 : 1;
    const double rate = ways * static_cast<double>(point.bytes) / row.time_s;
    row.counters["qps"] = queue_pairs();
    row.counters["GBps"] = rate / kGigabyte;
    row.counters["Gbps"] = rate / kGigabit;
    row.counters["message_rate"] = ways / row.time_s;
    // Inside one machine nothing need leave the device.
    const auto mtu = static_cast<int>(row.counters["mtu"]);
    const auto bound = session.same_machine(from, to) ? std::nullopt : link.bound(mtu);
    if (bound) row.counters["bound_Gbps"] = ways * bound->bytes_per_s / kGigabit;
  }

  [[nodiscard]] const RdmaLink* link_of(const RankPair& pair, const Json& specification) const {
    const auto& found = links().between(pair.from, pair.to);
    const auto i = specification["link"].get<std::size_t>();
    return i < found.size() ? &found[i] : nullptr;
  }

  [[nodiscard]] RdmaSettings settings_for(const Json& wanted) const {
    const bool latency = wanted["mode"] == "latency";
    constexpr std::uint32_t kLatencyDepth = 8;
    constexpr int kLatencyInline = 220;  // ib_write_lat's
    const bool automatic = inline_bytes_ == kAutomatic;
    int inline_bytes = inline_bytes_;
    if (automatic) inline_bytes = latency && !links().emulated() ? kLatencyInline : 0;
    return {.operation = static_cast<RdmaOperation>(wanted["op"].get<int>()),
            .bytes = wanted["bytes"],
            .queue_pairs = latency ? 1 : queue_pairs(),
            .depth = latency ? kLatencyDepth : depth(),
            .moderation = moderation_,
            .inline_bytes = static_cast<std::uint32_t>(inline_bytes),
            .less_inline_will_do = automatic,
            .mtu = mtu_,
            .memory = fabric().memory(),
            .cuda = fabric().cuda(),
            .by_cm = connect_ == "cm",
            .bidirectional = bidirectional_};
  }

  void add_rounds(Json specification, bool nothing, std::vector<Point>& points) const {
    for (std::size_t round = 0; round < rounds().size(); ++round) {
      specification["round"] = round;
      for (std::size_t i = 0; i < rounds()[round].size(); ++i) {
        const auto [from, to] = rounds()[round][i];
        const auto* const link = nothing ? nullptr : link_of({from, to}, specification);
        if (link == nullptr && !nothing) continue;
        points.push_back(point_of(specification, i, link == nullptr ? "none" : link->name));
      }
    }
  }

  [[nodiscard]] Point point_of(const Json& specification, std::size_t i,
                               const std::string& link) const {
    const bool bandwidth = specification["mode"] == "bandwidth";
    const auto operation = static_cast<RdmaOperation>(specification["op"].get<int>());
    const auto bytes = specification["bytes"].get<std::uint64_t>();
    const auto [from, to] = rounds().at(specification["round"].get<std::size_t>()).at(i);
    auto name = fmt::format("rdma_{}_{}/link:{}/from:{}/to:{}", operation_name(operation),
                            bandwidth ? "bandwidth" : "latency", link, from, to);
    if (bandwidth && queue_pairs() > 1) name += fmt::format("/qps:{}", queue_pairs());
    if (connect_ == "cm") name += "/connect:cm";
    if (bidirectional_) name += "/ways:2";
    // A read is there and back by itself; of a ping-pong one way is told; an exchange is what both
    // feel.
    const bool halved = !bandwidth && operation != RdmaOperation::kRead && !bidirectional_;
    return {.name = fmt::format("{}/bytes:{}", name, bytes),
            .specification = specification.dump(),
            .bytes = bytes,
            .precision = bandwidth ? Precision::kBandwidth : Precision::kLatency,
            .timing = bandwidth ? Timing::kSpan : Timing::kEach,
            .symmetric = false,
            .group = static_cast<int>(i),
            .share = halved ? 0.5 : 1};
  }

  std::vector<std::string> operations_ = {"write"};
  std::vector<std::string> modes_ = {"bandwidth", "latency"};
  std::uint32_t moderation_ = 16;
  int inline_bytes_ = kAutomatic;
  int mtu_ = 0;
  std::string connect_ = "exchange";
  bool bidirectional_ = false;
  Sizes bandwidth_sizes_;
  Sizes latency_sizes_;
};

}  // namespace
}  // namespace wiretax::bench

int main(int argc, char** argv) {
  wiretax::bench::Rdma program;
  return wiretax::bench::run_program(program, argc, argv);
}
