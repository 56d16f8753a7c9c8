// wiretax-token: all messages of one decode step, or of one chunk of prompts, in the order in which
// an engine sends them, beside what they should cost by the curves of the same run.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "bench/harness/carrier_program.h"
#include "bench/harness/collective_body.h"
#include "bench/harness/memory_pause.h"
#include "bench/harness/model_sizes.h"
#include "bench/harness/token_body.h"
#include "bench/harness/token_prices.h"
#include "bench/harness/token_record.h"
#include "report/schedule.h"
#include "report/units.h"

namespace wiretax::bench {
namespace {

using collectives::Pattern;
using Json = nlohmann::json;

collectives::Request request_of(const ScheduleStep& step, std::uint64_t ranks, Pattern pattern) {
  // Parts have to be whole elements; engines pad likewise.
  const auto unit = 2 * (step.operation == "all_gather" ? ranks : 1);
  return {.operation = *collectives::find_operation(step.operation),
          .type = collectives::ElementType::kBfloat16,
          .bytes = (step.bytes + unit - 1) / unit * unit,
          .pattern = pattern};
}

/// A model as a point's name can have it: of a file its folder, since it is called config.json.
std::string label_of(const Model& model) {
  const std::filesystem::path path = model.name;
  constexpr std::string_view kUsual = "config.json";
  auto file = path.filename().string();
  if (!file.starts_with(kUsual)) return file;
  return std::filesystem::absolute(path).parent_path().filename().string() +
         file.substr(kUsual.size());
}

class TokenProgram : public CarrierProgram {
 public:
  [[nodiscard]] std::string_view name() const override { return "wiretax-token"; }
  [[nodiscard]] std::string_view purpose() const override {
    return "Times all messages of a token in an engine's order, and prices them by curves of the "
           "same run. Run it under mpirun.";
  }

  void add_options(CLI::App& app) override {
    app.get_option("--bytes")->group("");  // refused: hidden
    CarrierProgram::add_options(app);
    app.add_option(
           "--strategy", strategies_,
           "How ranks share the model: tp2, pp2, tp2pp2, ...; default: tp of all ranks, or pp "
           "for a model that does not divide")
        ->delimiter(',');
    app.add_option("--phase", phases_,
                   "decode: a step of --batch sequences; prefill: --chunk tokens of a prompt")
        ->delimiter(',')
        ->check(CLI::IsMember({"decode", "prefill"}))
        ->capture_default_str();
    app.add_option("--chunk", chunk_, "Tokens of a chunk of prompts")
        ->check(CLI::Range(1, 1 << 24))
        ->capture_default_str();
    app.add_option("--gap", gap_us_,
                   "Microseconds of reading memory behind every message, as computing does")
        ->check(CLI::Range(0.0, 1e9))
        ->capture_default_str();
  }

  void before_mpi(const Options& options) override {
    if (!options.bytes.empty()) {
      throw Failure(ExitCode::kUsage, "--bytes: a token's messages have the sizes of --model");
    }
    models_ = requested_models(options);
    batches_ = parse_count_list(options.batches);
    deadline_s_ = options.deadline_s;
    profile_ = options.profile;
    CarrierProgram::before_mpi(options);
  }

  std::vector<Point> points(const Session& session) override {
    const auto ranks = static_cast<std::uint64_t>(session.ranks.size());
    std::vector<Point> points;
    for (const auto& model : models_) {
      for (const auto& strategy : strategies_for(model, std::max<std::uint64_t>(ranks, 2))) {
        const auto split = split_of(strategy, ranks);
        for (const auto& phase : phases_) {
          for (const auto& launch : launches()) {
            add_phase(model, split, {strategy, phase, launch}, points);
          }
        }
      }
    }
    return points;
  }

  /// A token behind what its price needs, so that both are of the same minute.
  [[nodiscard]] Plan plan(std::vector<Point> points, const Options& options) const override {
    std::vector<std::vector<Point>> sets;
    for (const auto& token : points) {
      const auto needs = needs_.find(token.name);
      if (needs == needs_.end()) continue;
      auto& set = sets.emplace_back();
      std::ranges::copy_if(points, std::back_inserter(set),
                           [&](const Point& point) { return needs->second.contains(point.name); });
      set.push_back(token);
    }
    // A quick run has no time for all: every model gets its first step before any gets its second.
    std::map<std::string, int> of_model;
    std::vector<std::pair<int, std::vector<Point>>> ranked;
    for (auto& set : sets) {
      const auto model = Json::parse(set.back().specification)["model"].get<std::string>();
      ranked.emplace_back(of_model[model]++, std::move(set));
    }
    std::ranges::stable_sort(ranked, {}, [](const auto& entry) { return entry.first; });
    for (std::size_t i = 0; i < sets.size(); ++i) sets[i] = std::move(ranked[i].second);
    if (sets.empty()) return Program::plan(std::move(points), options);  // curves alone
    return make_plan_of_sets(std::move(sets), options.profile, options.seed);
  }

  /// A slow wire takes minutes for a chunk of prompts, and the curves know that before it is sent.
  [[nodiscard]] std::optional<std::string> declines(const Options& options,
                                                    const Point& point) const override {
    const double token_s = expected_s(point);
    const bool quick = options.profile == Profile::kQuick;
    if (kTokens * token_s <= most_s(options.profile)) return std::nullopt;
    const bool chunk = point.name.find("/phase:prefill") != std::string::npos;
    return fmt::format("{} a {} by its price, so that {:.0f} of them take {}{}",
                       format_seconds(token_s), chunk ? "chunk" : "token", kTokens,
                       format_seconds(kTokens * token_s),
                       quick ? ": --profile full gives it ten minutes" : "");
  }

  [[nodiscard]] double expected_s(const Point& point) const override {
    if (!needs_.contains(point.name)) return 0;
    const auto steps = steps_of(Json::parse(point.specification));
    double token_s = pauses_s(steps);
    if (const auto prices = prices_.of(steps)) {
      for (const auto& [operation, price_s] : *prices) token_s += price_s;
    }
    return token_s;
  }

  [[nodiscard]] std::uint64_t memory_bytes(const Point& point) const override {
    const auto specification = Json::parse(point.specification);
    std::uint64_t bytes = gap_us_ > 0 ? MemoryPause::memory_bytes() : 0;
    std::set<MessageKind> counted;
    for (const auto& step : steps_of(specification)) {
      if (!counted.insert(kind_of(step)).second) continue;
      bytes += carrier().memory_bytes(request_of(step, step.ranks.size(), Pattern::kPassedOn),
                                      static_cast<int>(step.ranks.size()));
    }
    return bytes;
  }

  std::unique_ptr<Body> prepare(Session& session, const std::string& text) override {
    const auto specification = Json::parse(text);
    const auto steps = steps_of(specification);
    if (!specification.contains("steps"))
      return prepare_curve(session, steps.front(), specification["graph"]);
    std::map<MessageKind, std::shared_ptr<collectives::Task>> tasks;
    std::vector<TokenBody::Step> body_steps;
    for (const auto& step : steps) {
      const MessageKind key = {step.operation, step.bytes, step.ranks};
      if (!tasks.contains(key)) {
        tasks[key] = carrier().prepare(session, step.ranks,
                                       request_of(step, step.ranks.size(), Pattern::kOneWay));
      }
      body_steps.push_back({tasks.at(key), step.count, !is_one_way(step)});
    }
    const Issue issue = {carrier().queue(), specification["graph"], gap_us_ * kMicrosecond};
    return with_codes_of_backends([&] {
      return std::make_unique<TokenBody>(std::move(body_steps), carrier().watch(), issue);
    });
  }

  void describe(const Session& session, const Point& point,
                const std::vector<std::string>& evidence, Row& row) override {
    const auto specification = Json::parse(point.specification);
    if (!specification.contains("steps")) {
      return describe_curve(session, steps_of(specification).front(), evidence, row);
    }
    row.counters.erase("bytes");
    describe_token(session, steps_of(specification), evidence, row);
  }

 private:
  /// A rank without a part in a point.
  class Onlooker : public Body {
   public:
    Onlooker(std::function<std::string()> watch, int graph)
        : watch_(std::move(watch)), graph_(graph) {}
    void run(std::uint64_t /*n*/) override {}
    void check() override {}
    [[nodiscard]] int group() const override { return kIdle; }
    [[nodiscard]] std::uint64_t quantum() const override {
      return static_cast<std::uint64_t>(std::max(graph_, 1));
    }
    std::string evidence() override { return Json{{"growth", watch_()}, {"operations", 0}}.dump(); }

   private:
    std::function<std::string()> watch_;
    int graph_;
  };

  [[nodiscard]] std::vector<std::string> strategies_for(const Model& model,
                                                        std::uint64_t ranks) const {
    if (!strategies_.empty()) return strategies_;
    return {fmt::format("{}{}", divides(model, ranks) ? "tp" : "pp", ranks)};
  }

  static Split split_of(const std::string& strategy, std::uint64_t ranks) {
    Split split;
    with_exit_codes([&] { split = parse_split(strategy); });
    if (split.ranks() != ranks && ranks > 1) {
      throw Failure(ExitCode::kUsage,
                    fmt::format("--strategy {} needs {} ranks, and this run has {}: mpirun -np {}",
                                strategy, split.ranks(), ranks, split.ranks()));
    }
    return split;
  }

  /// What the points of one strategy have in common.
  struct Way {
    std::string strategy;
    std::string phase;
    Launch launch;
  };

  void add_phase(const Model& model, const Split& split, const Way& way,
                 std::vector<Point>& points) {
    if (way.phase == "prefill") {
      return add_token(model, split, way, {chunk_, 1}, fmt::format("chunk:{}", chunk_), points);
    }
    for (const auto batch : batches_) {
      const auto tokens = tokens_per_part(batch, split.stages);
      add_token(model, split, way, {tokens, tokens}, fmt::format("batch:{}", batch), points);
    }
  }

  void add_token(const Model& model, const Split& split, const Way& way, const StepTokens& tokens,
                 const std::string& size, std::vector<Point>& points) {
    std::vector<ScheduleStep> steps;
    with_exit_codes([&] { steps = schedule_of(model, split, tokens); });
    refuse_long_gaps(model, steps);
    std::set<std::string> needs;
    for (const auto& step : steps) {
      auto point = curve_point(split, step, way.launch);
      needs.insert(point.name);
      if (known_.insert(point.name).second) points.push_back(std::move(point));
    }
    std::uint64_t bytes = 0;
    Json list = Json::array();
    for (const auto& step : steps) {
      bytes += step.bytes * step.count;
      list.push_back(json_of(step));
    }
    const auto gap = gap_us_ > 0 ? fmt::format("/gap:{:g}", gap_us_) : "";
    auto name =
        fmt::format("token/{}/type:bfloat16/model:{}/strategy:{}/phase:{}/{}{}",
                    backend(way.launch), label_of(model), way.strategy, way.phase, size, gap);
    needs_[name] = std::move(needs);
    points.push_back(
        {.name = std::move(name),
         .specification =
             Json{{"model", model.name}, {"steps", list}, {"graph", way.launch.graph}}.dump(),
         .bytes = 0,
         .operation_bytes = bytes});
  }

  /// Named as wiretax-collectives names it, so that it belongs on the same curve.
  Point curve_point(const Split& split, const ScheduleStep& step, const Launch& launch) const {
    const auto request = request_of(step, step.ranks.size(), Pattern::kPassedOn);
    const auto kind = kind_of(step);
    const auto& members = std::get<2>(kind);
    const bool all = members.size() == split.ranks();
    const auto place = is_one_way(step) ? "" : "/place:out";
    const auto among = all ? "" : fmt::format("/among:{}", fmt::join(members, "-"));
    auto specification = json_of(step);
    specification["ranks"] = members;
    const int graph = graph_of(launch, request.bytes);
    specification["graph"] = graph;
    return {.name = fmt::format("{}/{}/type:bfloat16{}/timing:chained{}/bytes:{}", step.operation,
                                backend(launch), place, among, request.bytes),
            .specification = specification.dump(),
            .bytes = request.bytes,
            .timing = is_one_way(step) || !launch.label.empty() ? Timing::kSpan : Timing::kEach,
            .operation_bytes = request.bytes * static_cast<std::uint64_t>(graph)};
  }

  /// Pauses may take half of the time that a token has; its messages need some, too.
  void refuse_long_gaps(const Model& model, const std::vector<ScheduleStep>& steps) const {
    constexpr double kOfThem = 0.5;
    double limit_s = kOfThem * most_s(profile_) / kTokens;
    if (deadline_s_ > 0) limit_s = std::min(limit_s, kOfThem * deadline_s_ / kTokens);
    const auto messages = count_of(steps);
    if (pauses_s(steps) <= limit_s) return;
    throw Failure(
        ExitCode::kUsage,
        fmt::format("--gap {:g}: the {} messages of a token of {} would pause for {}, and there is "
                    "time for {} of pauses a token: use at most --gap {:.0f}",
                    gap_us_, messages, model.name, format_seconds(pauses_s(steps)),
                    format_seconds(limit_s),
                    std::floor(limit_s / static_cast<double>(messages) / kMicrosecond)));
  }

  static constexpr double kTokens = 20;  // that measuring one takes, warm-up and all
  /// What they may take.
  static double most_s(Profile profile) { return profile == Profile::kQuick ? 30 : 600; }

  static std::uint64_t count_of(const std::vector<ScheduleStep>& steps) {
    std::uint64_t messages = 0;
    for (const auto& step : steps) messages += step.count;
    return messages;
  }
  [[nodiscard]] double pauses_s(const std::vector<ScheduleStep>& steps) const {
    return gap_us_ * kMicrosecond * static_cast<double>(count_of(steps));
  }

  static Json json_of(const ScheduleStep& step) {
    return {{"operation", step.operation},
            {"bytes", step.bytes},
            {"count", step.count},
            {"ranks", step.ranks},
            {"purpose", step.purpose}};
  }

  static ScheduleStep step_of(const Json& json) {
    return {json["operation"], json["bytes"], json["count"], json["ranks"], json["purpose"]};
  }

  static std::vector<ScheduleStep> steps_of(const Json& specification) {
    if (!specification.contains("steps")) return {step_of(specification)};
    std::vector<ScheduleStep> steps;
    for (const auto& step : specification["steps"]) steps.push_back(step_of(step));
    return steps;
  }

  std::unique_ptr<Body> prepare_curve(Session& session, const ScheduleStep& step, int graph) {
    auto request = request_of(step, step.ranks.size(), Pattern::kPassedOn);
    request.graph = graph;
    auto task = carrier().prepare(session, step.ranks, request);
    if (!task) return std::make_unique<Onlooker>(carrier().watch(), graph);
    return std::make_unique<CollectiveBody>(std::move(task), carrier().watch(),
                                            Issue{carrier().queue(), graph, 0});
  }

  void describe_curve(const Session& session, const ScheduleStep& step,
                      const std::vector<std::string>& evidence, Row& row) {
    prices_.add(step, row.time_s);
    const auto ranks = static_cast<int>(step.ranks.size());
    row.counters["ranks"] = ranks;
    const auto request = request_of(step, step.ranks.size(), Pattern::kPassedOn);
    describe_operation(session, request, ranks, evidence, row);
    if (step.ranks.front() != 0) row.counters.erase("wire_bytes");  // rank 0's
  }

  void describe_token(const Session& session, const std::vector<ScheduleStep>& steps,
                      const std::vector<std::string>& evidence, Row& row) const {
    carrier().describe(session, growth_of(evidence), {}, row);
    if (gap_us_ > 0) add_pauses(evidence, pauses_s(steps) / kMicrosecond, row);
    const auto prices = prices_.of(steps);
    if (!prices) {
      row.doubts.emplace_back("no price, since a curve of it was not measured");
      return;
    }
    // Between stages pauses of one rank are what another one waits for: nobody's clock tells them
    // from the wire.
    if (gap_us_ > 0 && prices->contains("send_recv")) return;
    const double paused_us = gap_us_ > 0 ? row.counters.at("paused_us") : 0;
    row.counters["wire_us"] = row.time_s / kMicrosecond - paused_us;
    add_shares(steps, evidence, *prices, row);
  }

  std::vector<std::string> strategies_;
  std::vector<std::string> phases_ = {"decode", "prefill"};
  std::uint64_t chunk_ = 2048;
  double gap_us_ = 0;
  double deadline_s_ = 0;
  Profile profile_ = Profile::kQuick;
  std::vector<Model> models_;
  std::vector<std::uint64_t> batches_;
  std::set<std::string> known_;                         // names of curve points
  std::map<std::string, std::set<std::string>> needs_;  // by name of a token, those of its curves
  TokenPrices prices_;                                  // on rank 0
};

}  // namespace
}  // namespace wiretax::bench

int main(int argc, char** argv) {
  return wiretax::bench::run_carrier_program<wiretax::bench::TokenProgram>(argc, argv);
}
