// wiretax-links: every link between two hosts alone, then all of them at once.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/harness/model_sizes.h"
#include "bench/harness/program.h"
#include "bench/harness/rdma_links_body.h"
#include "bench/harness/rdma_program.h"
#include "report/units.h"

namespace wiretax::bench {
namespace {

using Json = nlohmann::json;

constexpr const char* kSizes = "64Ki,1Mi";

class Links : public RdmaProgram {
 public:
  [[nodiscard]] std::string_view name() const override { return "wiretax-links"; }
  [[nodiscard]] std::string_view purpose() const override {
    return "Writes over every RDMA link between ranks alone, then over all of them at once, and "
           "tells what they share. Run it under mpirun.";
  }

  void before_mpi(const Options& options) override {
    sizes_ = Sizes(parse_byte_list(options.bytes.empty() ? kSizes : options.bytes));
  }

  /// Each link alone, and all together where there are several.
  std::vector<Point> points(const Session& session) override {
    const bool nothing = missing(session).has_value();
    const std::size_t most = nothing ? 1 : links().most();
    std::vector<Point> points;
    for (std::size_t set = 0; set <= most; ++set) {
      for (const auto bytes : sizes_.of("all_reduce", 2)) {
        for (std::size_t round = 0; round < rounds().size(); ++round) {
          const Json order = {{"set", set},
                              {"links", set == most ? std::max<std::size_t>(1, most) : 1},
                              {"all", set == most},
                              {"bytes", bytes},
                              {"round", round}};
          for (std::size_t i = 0; i < rounds()[round].size(); ++i)
            add_point(order, i, nothing, points);
        }
      }
    }
    return points;
  }

  [[nodiscard]] std::uint64_t memory_bytes(const Point& point) const override {
    return (2 * point.bytes + kMebibyte) *
           Json::parse(point.specification)["links"].get<std::uint64_t>();
  }

  std::unique_ptr<Body> prepare(Session& session, const std::string& specification) override {
    const auto order = Json::parse(specification);
    const auto& round = rounds().at(order["round"].get<std::size_t>());
    RdmaPair pair;
    std::vector<const RdmaLink*> mine;
    int index = 0;
    for (std::size_t i = 0; i < round.size(); ++i) {
      const RdmaPair candidate{round[i].first, round[i].second};
      if (!candidate.has(session.ranks.rank())) continue;
      pair = candidate;
      mine = links_of(candidate, order);
      index = static_cast<int>(i);
    }
    // Opening is collective: every rank goes through as many links as any pair has.
    std::vector<std::unique_ptr<RdmaBandwidthBody>> bodies;
    const std::size_t most = order["all"].get<bool>() ? links().most() : 1;
    for (std::size_t i = 0; i < most; ++i) {
      auto wire = RdmaWire::open(session.ranks, pair, i < mine.size() ? mine[i] : nullptr,
                                 settings_for(order["bytes"]));
      if (wire) bodies.push_back(std::make_unique<RdmaBandwidthBody>(std::move(wire), index));
    }
    return std::make_unique<RdmaLinksBody>(std::move(bodies), index);
  }

  void describe(const Session& session, const Point& point,
                const std::vector<std::string>& evidence, Row& row) override {
    const auto order = Json::parse(point.specification);
    const auto [from, to] =
        rounds().at(order["round"].get<std::size_t>()).at(static_cast<std::size_t>(point.group));
    const auto links = links_of({from, to}, order);
    const auto sent = decode_links_together(evidence.at(static_cast<std::size_t>(from)));
    const auto received = decode_links_together(evidence.at(static_cast<std::size_t>(to)));
    add_rates(sent, links, row);
    row.counters["retransmits"] = 0;
    for (const auto& link : sent.links) {
      add_losses(link.port, link.growth, session.ranks.describe(from), row);
    }
    for (const auto& link : received.links) {
      add_losses(link.port, link.growth, session.ranks.describe(to), row);
    }
    for (const auto* const link : links) {
      if (!link->doubt.empty()) row.doubts.push_back(link->doubt);
    }
    if (!session.same_machine(from, to)) add_bound(links, row);
  }

 private:
  [[nodiscard]] std::vector<const RdmaLink*> links_of(const RdmaPair& pair,
                                                      const Json& order) const {
    const auto& all = links().between(pair.from, pair.to);
    const auto set = order["set"].get<std::size_t>();
    std::vector<const RdmaLink*> chosen;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (order["all"].get<bool>() || i == set) chosen.push_back(&all[i]);
    }
    return chosen;
  }

  [[nodiscard]] RdmaSettings settings_for(std::uint64_t bytes) const {
    return {.bytes = bytes, .queue_pairs = queue_pairs(), .depth = depth(), .moderation = 1};
  }

  void add_point(const Json& order, std::size_t i, bool nothing, std::vector<Point>& points) const {
    const auto [from, to] = rounds().at(order["round"].get<std::size_t>()).at(i);
    std::vector<std::string> names = {"none"};
    if (!nothing) {
      names.clear();
      for (const auto* const link : links_of({from, to}, order)) names.push_back(link->name);
    }
    const bool repeats = order["all"].get<bool>() && names.size() < 2;  // one link alone is known
    if (names.empty() || repeats) return;
    const auto bytes = order["bytes"].get<std::uint64_t>();
    points.push_back({.name = fmt::format("rdma_links/links:{}/from:{}/to:{}/bytes:{}",
                                          fmt::join(names, "+"), from, to, bytes),
                      .specification = order.dump(),
                      .bytes = bytes,
                      .precision = Precision::kBandwidth,
                      .timing = Timing::kSpan,
                      .symmetric = false,
                      .group = static_cast<int>(i)});
  }

  static void add_rates(const LinksTogether& sent, const std::vector<const RdmaLink*>& names,
                        Row& row) {
    double fastest = 0;
    double slowest = 0;
    for (std::size_t i = 0; i < sent.links.size(); ++i) {
      const auto& link = sent.links[i];
      const auto& name = names.at(i)->name;
      const double rate = link.bytes / link.seconds;
      fastest = std::max(fastest, rate);
      slowest = slowest == 0 ? rate : std::min(slowest, rate);
      row.counters["GBps_" + name] = rate / kGigabyte;
      const auto wire = verbs::bytes_sent(link.growth);
      if (wire) row.counters["wire_bytes_" + name] = static_cast<double>(*wire);
      const auto netdev = link.growth.find("netdev_tx_bytes");
      if (netdev != link.growth.end()) {
        row.counters["netdev_bytes_" + name] = static_cast<double>(netdev->second);
      }
      row.counters["payload_bytes_" + name] = link.bytes;
    }
    row.counters["ranks"] = 2;
    row.counters["links"] = static_cast<double>(sent.links.size());
    row.counters["overlap"] = sent.overlap();
    if (sent.overlap() < LinksTogether::kLeastOverlap) {
      row.invalid = fmt::format(
          "the links were at work together for {:.0f} % of the time only, so "
          "their sum says nothing",
          100 * sent.overlap());
      return;
    }
    row.counters["imbalance"] = fastest / slowest - 1;
    row.counters["GBps"] = sent.rate() / kGigabyte;
    row.counters["Gbps"] = sent.rate() / kGigabit;
  }

  static void add_bound(const std::vector<const RdmaLink*>& links, Row& row) {
    std::vector<verbs::Port> mine;
    std::vector<verbs::Port> theirs;
    int mtu = links.front()->path_mtu();
    for (const auto* const link : links) {
      mine.push_back(link->from);
      theirs.push_back(link->to);
      mtu = std::min(mtu, link->path_mtu());
    }
    const auto bound = verbs::path_bound(mine, theirs, mtu);
    if (bound) row.counters["bound_Gbps"] = bound->bytes_per_s / kGigabit;
  }

  Sizes sizes_;
};

}  // namespace
}  // namespace wiretax::bench

int main(int argc, char** argv) {
  wiretax::bench::Links program;
  return wiretax::bench::run_program(program, argc, argv);
}
