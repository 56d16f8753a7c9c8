#include "bench/harness/campaign.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/harness/judge.h"
#include "bench/harness/throttling.h"

namespace wiretax::bench {
namespace {

using Json = nlohmann::json;

// Slower than any wire that is worth measuring; only deadlines depend on it.
constexpr double kSlowestRate = 10e6;
constexpr double kLeastPatience = 5;

/// What every rank has to know of a point.
std::string order_for(const Point& point, double worst_case_s, double expected_s) {
  // Those before the warm-up ends, those that are measured, and what is looked at again.
  constexpr double kOperations = 40;
  const auto bytes = std::max(point.bytes, point.operation_bytes);
  return Json{
      {"name", point.name},
      {"specification", point.specification},
      {"precision", point.precision == Precision::kBandwidth ? "bandwidth" : "latency"},
      {"timing", static_cast<int>(point.timing)},
      {"patience_s", worst_case_s + kOperations * expected_s +
                         std::max(kLeastPatience, 3 * static_cast<double>(bytes) / kSlowestRate)}}
      .dump();
}

Precision precision_of(const Json& order) {
  return order["precision"] == "bandwidth" ? Precision::kBandwidth : Precision::kLatency;
}

/// What slowed this rank down beside the wire; empty: nothing that can be seen.
std::string hindrance(const Session& session, const Throttling& throttling) {
  if (throttling.seen()) return "throttled processors";
  return session.placement.hindrance;
}

/// Each hindrance once, with the first rank that had it.
void add_hindrances(const std::vector<std::string>& by_rank, const Ranks& ranks, Row& row) {
  std::set<std::string> said;
  for (int rank = 0; rank < ranks.size(); ++rank) {
    const auto& text = by_rank.at(static_cast<std::size_t>(rank));
    if (text.empty() || !said.insert(text).second) continue;
    row.doubts.push_back(fmt::format("{} at {}", text, ranks.describe(rank)));
  }
}

}  // namespace

Campaign::Campaign(Program& program, Session& session, Supervisor& supervisor)
    : program_(program), session_(session), supervisor_(supervisor) {}

Campaign::Outcome Campaign::measure(const std::string& order) {
  const auto wanted = Json::parse(order);
  const auto name = wanted["name"].get<std::string>();
  auto& ranks = session_.ranks;
  const Supervisor::Watch watch(supervisor_, "measuring " + name, wanted["patience_s"]);
  std::unique_ptr<Body> body;
  together(ranks, "preparing " + name,
           [&] { body = program_.prepare(session_, wanted["specification"]); });
  Runner runner(ranks, rules_for(session_.options.profile, precision_of(wanted)),
                static_cast<Timing>(wanted["timing"].get<int>()), session_.options.seed,
                "measuring " + name,
                std::max(wanted["patience_s"].get<double>(), Ranks::kAgreePatience));
  Outcome outcome;
  const Throttling throttling;
  outcome.measurements = runner.measure(*body, program_.groups(session_));
  const auto all_do = [&](const std::string& phase, auto action) {
    together(ranks, phase, [&] {
      try {
        action();
      } catch (...) {
        body->hang_up();
        throw;
      }
    });
  };
  all_do("measuring " + name, [&] { body->look_again(); });
  outcome.evidence = ranks.all_gather(body->evidence(), "collecting evidence");
  outcome.hindrances = ranks.all_gather(hindrance(session_, throttling), "asking what hindered");
  all_do("checking the data of " + name, [&] { body->check(); });
  return outcome;
}

void Campaign::announce(const std::string& order) {
  session_.ranks.broadcast(order, "starting the next point");
}

Row Campaign::row_of(const Point& point) {
  if (measured_ != point.specification || taken_.contains(point.group)) {
    measured_.clear();
    taken_.clear();
    const auto rules = rules_for(session_.options.profile, point.precision);
    const auto order = order_for(point, rules.worst_case_s() + program_.preparation_s(),
                                 program_.expected_s(point));
    announce(order);
    outcome_ = measure(order);
    measured_ = point.specification;
  }
  taken_.insert(point.group);
  auto row = judge(outcome_.measurements.at(static_cast<std::size_t>(point.group)), point);
  row.counters["ranks"] = session_.ranks.size();
  program_.describe(session_, point, outcome_.evidence, row);
  add_hindrances(outcome_.hindrances, session_.ranks, row);
  check_bound(row);
  suspects_ += row.doubts.empty() ? 0 : 1;
  doubtful_ = doubtful_ || row.invalid || !row.doubts.empty();
  return row;
}

Row Campaign::try_row(const Point& point) {
  try {
    return row_of(point);
  } catch (const std::exception& error) {
    const auto failure = as_failure(error);
    if (dynamic_cast<const AgreedFailure*>(&error) == nullptr) session_.ranks.abandon();
    const bool goes_on = failure.code() == ExitCode::kDataMismatch && !session_.ranks.lost();
    auto& first = goes_on ? wrong_data_ : ended_by_;
    if (!first) first = failure;
    doubtful_ = true;
    Row row;
    row.invalid = failure.what();
    return row;
  }
}

std::optional<Failure> Campaign::lead(const std::vector<Point>& points, ResultWriter& writer) {
  const auto missing = program_.missing(session_);
  double worst_case_s = 0;
  for (const auto& point : points) {
    worst_case_s += rules_for(session_.options.profile, point.precision).worst_case_s();
  }
  const auto repetitions = static_cast<std::size_t>(session_.options.repetitions);
  Progress progress(points.size() * repetitions, worst_case_s * static_cast<double>(repetitions));
  const auto body = [&](benchmark::State& state, const Point& point) {
    if (missing) return state.SkipWithError(("skipped: " + *missing).c_str());
    if (ended_by_ || writer.failure()) return state.SkipWithError(ResultWriter::kNotMeasured);
    progress.begin(point.name);
    if (const auto reason = program_.declines(session_.options, point)) {
      return state.SkipWithError(("skipped: " + *reason).c_str());
    }
    const auto row = try_row(point);
    if (row.invalid) return state.SkipWithError(("invalid: " + *row.invalid).c_str());
    for ([[maybe_unused]] auto iteration : state) state.SetIterationTime(row.time_s);
    for (const auto& [name, value] : row.counters) state.counters[name] = value;
    state.SetLabel(label_of(row));
  };
  for (const auto& point : points) {
    benchmark::RegisterBenchmark(point.name.c_str(), body, point)
        ->UseManualTime()
        ->Iterations(1)
        ->Repetitions(session_.options.repetitions)
        ->Unit(benchmark::kMicrosecond);
  }
  if (!points.empty()) benchmark::RunSpecifiedBenchmarks(&writer.reporter());
  if (!ended_by_) announce("");
  if (writer.failure()) return writer.failure();
  return ended_by_ ? ended_by_ : wrong_data_;
}

std::optional<Failure> Campaign::follow() {
  for (;;) {
    try {
      const auto order = session_.ranks.broadcast("", "waiting for the next point");
      if (order.empty()) return wrong_data_;
      measure(order);
    } catch (const AgreedFailure& failure) {
      const bool goes_on = failure.code() == ExitCode::kDataMismatch && !session_.ranks.lost();
      auto& first = goes_on ? wrong_data_ : ended_by_;
      if (!first) first = failure;
      if (!goes_on) return ended_by_;
    }
  }
}

}  // namespace wiretax::bench
