// wiretax-collectives: collective operations over a backend, at the sizes that models send.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "bench/harness/carrier_program.h"
#include "bench/harness/collective_body.h"
#include "bench/harness/memory_pause.h"
#include "bench/harness/model_sizes.h"
#include "bench/harness/token_record.h"
#include "report/units.h"

namespace wiretax::bench {
namespace {

using collectives::ElementType;
using collectives::Flow;
using collectives::Operation;
using collectives::Pattern;
using Json = nlohmann::json;

constexpr const char* kDefaultOperations = "all_reduce,all_gather,send_recv";

struct Choices {
  std::vector<std::string> operations;
  std::vector<std::string> types = {"bfloat16"};
  std::vector<std::string> timings = {"chained"};
  std::vector<std::string> places = {"out"};
  std::vector<std::string> patterns = {"one_way"};
  int depth = 8;
  double gap_us = 500;
};

bool has_place(Operation operation) {
  return operation != Operation::kBroadcast && operation != Operation::kSendRecv;
}

/// A size that divides into whole elements, and into whole parts where the collective has parts.
std::uint64_t round_up(std::uint64_t bytes, Operation operation, ElementType type,
                       std::uint64_t ranks) {
  const bool has_parts = operation == Operation::kAllGather || operation == Operation::kAllToAll ||
                         operation == Operation::kReduceScatter;
  const auto unit = collectives::size_of(type) * (has_parts ? ranks : 1);
  return (bytes + unit - 1) / unit * unit;
}

/// A message that is passed on keeps one rank busy in one operation and idle in the next: there no
/// rank's clock can time one alone.
/// On a queue none ends where a clock could see it.
Timing clock_for(std::string_view timing, Operation operation, bool on_queue) {
  if (timing == "isolated") return Timing::kIsolated;
  if (on_queue) return Timing::kSpan;
  const bool passed_on = operation == Operation::kSendRecv || operation == Operation::kBroadcast;
  return timing == "pipelined" || passed_on ? Timing::kSpan : Timing::kEach;
}

class CollectivesProgram : public CarrierProgram {
 public:
  [[nodiscard]] std::string_view name() const override { return "wiretax-collectives"; }
  [[nodiscard]] std::string_view purpose() const override {
    return "Times collective operations between ranks, at the sizes that tensor and pipeline "
           "parallelism send. Run it under mpirun.";
  }

  void add_options(CLI::App& app) override {
    const auto one_of = [](auto... names) {
      return CLI::IsMember(std::vector<std::string>{names...});
    };
    CarrierProgram::add_options(app);
    app.add_option("--op", choices_.operations, "Operations to time")
        ->delimiter(',')
        ->check(one_of("all_reduce", "all_gather", "reduce_scatter", "broadcast", "send_recv",
                       "all_to_all"))
        ->default_str(kDefaultOperations);
    app.add_option("--type", choices_.types, "float32, bfloat16, float16")
        ->delimiter(',')
        ->check(one_of("float32", "bfloat16", "float16"))
        ->capture_default_str();
    app.add_option(
           "--timing", choices_.timings,
           "chained: each needs the one before; isolated: a barrier before each; pipelined: "
           "--depth in flight; gapped: a pause of --gap behind each, in which memory is read")
        ->delimiter(',')
        ->check(one_of("chained", "isolated", "pipelined", "gapped"))
        ->capture_default_str();
    app.add_option("--place", choices_.places, "out, in: whether output replaces input")
        ->delimiter(',')
        ->check(one_of("out", "in"))
        ->capture_default_str();
    app.add_option("--pattern", choices_.patterns,
                   "Of send_recv: one_way (half a ping-pong) or ring (all to the next at once)")
        ->delimiter(',')
        ->check(one_of("one_way", "ring"))
        ->capture_default_str();
    app.add_option("--gap", choices_.gap_us, "Microseconds of the pauses when gapped")
        ->check(CLI::Range(1.0, 1e6))
        ->capture_default_str();
    app.add_option("--depth", choices_.depth, "Operations in flight when pipelined")
        ->check(CLI::Range(1, 1024))
        ->capture_default_str();
  }

  void before_mpi(const Options& options) override {
    if (choices_.operations.empty()) {
      choices_.operations = CLI::detail::split(kDefaultOperations, ',');
    }
    sizes_ = requested_sizes(options);
    CarrierProgram::before_mpi(options);
  }

  std::vector<Point> points(const Session& session) override {
    std::vector<Point> points;
    for (const auto& operation_name : choices_.operations) {
      for (const auto& type : choices_.types) {
        for (const auto& timing : choices_.timings) {
          for (const auto& variant : variants_of(operation_name)) {
            for (const auto& launch : launches()) {
              add_sizes(session, {operation_name, type, timing, variant, launch}, points);
            }
          }
        }
      }
    }
    return points;
  }

  [[nodiscard]] std::uint64_t memory_bytes(const Point& point) const override {
    const auto specification = Json::parse(point.specification);
    return carrier().memory_bytes(request_from(specification), specification["ranks"]) +
           (gap_of(specification) > 0 ? MemoryPause::memory_bytes() : 0);
  }

  std::unique_ptr<Body> prepare(Session& session, const std::string& specification) override {
    const auto order = Json::parse(specification);
    auto request = request_from(order);
    const Issue issue = {carrier().queue(), request.graph, gap_of(order) * kMicrosecond};
    if (issue.gap_s > 0) request.graph = 0;  // the body's own, with the pauses in it
    auto task = carrier().prepare(session, everybody(session), request);
    return with_codes_of_backends([&] {
      return std::make_unique<CollectiveBody>(std::move(task), carrier().watch(), issue);
    });
  }

  void describe(const Session& session, const Point& point,
                const std::vector<std::string>& evidence, Row& row) override {
    const auto order = Json::parse(point.specification);
    const auto request = request_from(order);
    if (gap_of(order) > 0) add_pauses(evidence, gap_of(order), row);
    if (request.graph > 0) row.counters["graph_operations"] = request.graph;
    describe_operation(session, request, session.ranks.size(), evidence, row);
  }

 private:
  /// The name's part that tells variants of one operation apart: where the output goes, or the
  /// pattern.
  [[nodiscard]] std::vector<std::string> variants_of(const std::string& operation_name) const {
    const auto operation = *collectives::find_operation(operation_name);
    std::vector<std::string> variants;
    if (has_place(operation)) {
      for (const auto& place : choices_.places) variants.push_back("/place:" + place);
    } else if (operation == Operation::kSendRecv) {
      for (const auto& pattern : choices_.patterns) {
        variants.emplace_back(pattern == "ring" ? "/pattern:ring" : "");
      }
    } else {
      variants.emplace_back();
    }
    return variants;
  }

  /// What the points of one curve have in common.
  struct Curve {
    std::string operation;
    std::string type;
    std::string timing;
    std::string variant;
    Launch launch;
  };

  /// One behind a barrier is a graph by itself; with pauses one recording serves all turns.
  static int graph_of(const Curve& curve, std::uint64_t bytes, std::uint64_t ranks) {
    const int graph = CarrierProgram::graph_of(curve.launch, bytes);
    if (curve.timing == "isolated") return std::min(graph, 1);
    if (curve.timing != "gapped") return graph;
    const auto turns = static_cast<int>(ranks);
    return (graph + turns - 1) / turns * turns;
  }

  void add_sizes(const Session& session, const Curve& curve, std::vector<Point>& points) const {
    const auto& [operation_name, type, timing, variant, launch] = curve;
    const auto operation = *collectives::find_operation(operation_name);
    const auto ranks = static_cast<std::uint64_t>(session.ranks.size());
    const auto element = *collectives::find_element_type(type);
    const bool on_queue = !launch.label.empty();
    constexpr std::uint64_t kMostElements = std::numeric_limits<int>::max();
    std::vector<std::uint64_t> sizes;
    for (const auto bytes : sizes_.of(operation_name, ranks)) {
      sizes.push_back(round_up(bytes, operation, element, ranks));
      if (!on_queue && sizes.back() / collectives::size_of(element) > kMostElements) {
        throw Failure(ExitCode::kUsage,
                      fmt::format("{} of {}: one MPI call cannot count so many elements (at most "
                                  "2^31 - 1, here {} B)",
                                  operation_name, format_bytes(bytes),
                                  kMostElements * collectives::size_of(element)));
      }
    }
    std::ranges::sort(sizes);
    sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
    const bool pipelined = timing == "pipelined";
    // Messages that overlap cannot wait for the one before.
    auto pattern = pipelined ? Pattern::kOneWay : Pattern::kPassedOn;
    if (variant == "/pattern:ring") pattern = Pattern::kRing;
    const bool gapped = timing == "gapped";
    auto stem = fmt::format("{}/{}/type:{}{}/timing:{}", operation_name, backend(launch), type,
                            variant, timing);
    if (pipelined) stem += fmt::format("/depth:{}", choices_.depth);
    if (gapped) stem += fmt::format("/gap:{:g}", choices_.gap_us);
    for (const auto bytes : sizes) {
      const Json specification = {{"operation", operation_name},
                                  {"type", type},
                                  {"bytes", bytes},
                                  {"in_place", variant == "/place:in"},
                                  {"pattern", pattern},
                                  {"ranks", ranks},
                                  {"pipelined", pipelined},
                                  {"depth", pipelined ? choices_.depth : 1},
                                  {"graph", graph_of(curve, bytes, ranks)},
                                  {"gap_us", gapped ? choices_.gap_us : 0},
                                  {"timing", timing}};
      points.push_back(
          {.name = fmt::format("{}/bytes:{}", stem, bytes),
           .specification = specification.dump(),
           .bytes = bytes,
           .precision = Precision::kLatency,
           .timing = clock_for(timing, operation, on_queue),
           .symmetric = !pipelined,
           .operation_bytes = bytes * static_cast<std::uint64_t>(graph_of(curve, bytes, ranks))});
    }
  }

  static collectives::Request request_from(const Json& specification) {
    return {
        .operation = *collectives::find_operation(specification["operation"].get<std::string>()),
        .type = *collectives::find_element_type(specification["type"].get<std::string>()),
        .bytes = specification["bytes"],
        .in_place = specification["in_place"],
        .pattern = specification["pattern"],
        .flow = specification["pipelined"] ? Flow::kPipelined : Flow::kChained,
        .depth = specification["depth"],
        .graph = specification["graph"]};
  }

  static double gap_of(const Json& specification) { return specification["gap_us"]; }

  Choices choices_;
  Sizes sizes_;
};

}  // namespace
}  // namespace wiretax::bench

int main(int argc, char** argv) {
  return wiretax::bench::run_carrier_program<wiretax::bench::CollectivesProgram>(argc, argv);
}
