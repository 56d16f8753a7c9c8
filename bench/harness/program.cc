#include "bench/harness/program.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/harness/campaign.h"
#include "bench/harness/clock.h"
#include "bench/harness/start.h"
#include "report/record.h"
#include "report/result_table.h"
#include "report/token.h"
#include "report/units.h"

namespace wiretax::bench {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr double kMemoryShare = 0.25;

std::string command_line(int argc, char** argv) {
  std::string line;
  for (int i = 0; i < argc; ++i) line += (i == 0 ? "" : " ") + std::string(argv[i]);
  return line;
}

std::vector<HostFacts> exchange_facts(Ranks& ranks) {
  const auto mine = host_facts();
  const auto text =
      OrderedJson{mine.boot_id, mine.network_namespace, mine.kernel, mine.build_id}.dump();
  std::vector<HostFacts> facts;
  for (const auto& theirs : ranks.all_gather(text, "exchanging facts of the hosts")) {
    const auto fields = OrderedJson::parse(theirs).get<std::vector<std::string>>();
    facts.push_back({fields.at(0), fields.at(1), fields.at(2), fields.at(3)});
  }
  return facts;
}

void refuse_different_builds(const Ranks& ranks, const std::vector<HostFacts>& facts) {
  for (int rank = 1; rank < ranks.size(); ++rank) {
    const auto& theirs = facts[static_cast<std::size_t>(rank)].build_id;
    if (theirs == facts[0].build_id) continue;
    throw Failure(ExitCode::kEnvironment,
                  fmt::format("{} runs another build ({:.12}) than {} ({:.12}): "
                              "./scripts/deploy {} copies this one",
                              ranks.describe(rank), theirs, ranks.describe(0), facts[0].build_id,
                              ranks.host(rank)));
  }
}

void check_memory(const Session& session, std::uint64_t bytes_per_rank) {
  if (session.options.force) return;
  const double needed = static_cast<double>(bytes_per_rank) * session.local_ranks();
  const auto available = available_memory();
  if (needed <= kMemoryShare * static_cast<double>(available)) return;
  throw Failure(
      ExitCode::kUsage,
      fmt::format("the largest point needs {} MiB here, over a quarter of the {} MiB that "
                  "are available: choose smaller --bytes, or --force",
                  static_cast<std::uint64_t>(needed) / kMebibyte, available / kMebibyte));
}

OrderedJson parse_user_context(const std::vector<std::string>& entries) {
  OrderedJson context = OrderedJson::object();
  for (const auto& entry : entries) {
    const auto equals = entry.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw Failure(ExitCode::kUsage, fmt::format("--benchmark_context {}: not key=value", entry));
    }
    context[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  return context;
}

/// Collective: where every rank runs.
std::vector<std::string> all_placements(Session& session) {
  const auto& placement = session.placement;
  auto text = fmt::format("{}", fmt::join(placement.cores, ","));
  return session.ranks.all_gather(placement.cores.empty() ? placement.note : text,
                                  "exchanging placements");
}

std::string context_of(const Program& program, const Session& session,
                       const std::vector<std::string>& placements) {
  const auto& clock = clock_properties();
  auto context = parse_user_context(session.options.context);
  context["wiretax_schema"] = kSchemaVersion;
  context["wiretax_status"] = "running";
  context["wiretax_program"] = program.name();
  context["wiretax_version"] = WIRETAX_VERSION;
  context["build_id"] = session.facts[0].build_id;
  context["command"] = session.options.command_line;
  context["ranks"] = session.ranks.size();
  context["hosts"] = session.ranks.hosts();
  context["kernel"] = session.facts[0].kernel;
  context["cores"] = placements;
  context["profile"] = session.options.profile == Profile::kQuick ? "quick" : "full";
  context["seed"] = session.options.seed;
  context["clock_tick_ns"] = clock.tick_s * 1e9;
  context["clock_cost_ns"] = clock.cost_s * 1e9;
  context["environment"] = relevant_environment();
  // What whoever started the run says of all its numbers, such as that the machines are emulated.
  if (const char* const mark = std::getenv("WIRETAX_MARK")) context["wiretax_mark"] = mark;
  for (const auto& [key, value] : session.context) context[key] = OrderedJson::parse(value);
  return context.dump();
}

std::vector<Point> wanted_points(Program& program, const Session& session) {
  auto points = program.points(session);
  std::erase_if(points, [&](const Point& point) {
    return !passes_filter(session.options.filter, point.name);
  });
  if (points.empty()) {
    throw Failure(ExitCode::kUsage, "nothing to measure: --benchmark_filter matches no point");
  }
  return points;
}

/// Says by curve what a quick run leaves out.
void tell_left_out(const Plan& plan) {
  if (plan.left_out.empty()) return;
  std::map<std::string, std::vector<std::string>> sizes_by_curve;
  for (const auto& point : plan.left_out) {
    auto& sizes = sizes_by_curve[curve_of(point)];
    if (point.bytes > 0) sizes.push_back(format_bytes(point.bytes));
  }
  auto text =
      fmt::format("quick run: {} of {} points fit its 60 s; --profile full measures these too:\n",
                  plan.points.size(), plan.points.size() + plan.left_out.size());
  for (const auto& [curve, sizes] : sizes_by_curve) {
    text += fmt::format("  {}{}{}\n", curve, sizes.empty() ? "" : ": ", fmt::join(sizes, ", "));
  }
  std::fputs(text.c_str(), stderr);
}

/// One run, after MPI has started. Everything here happens on every rank in the same order.
class Run {
 public:
  Run(Program& program, const Options& options, Ranks& ranks, Supervisor& supervisor)
      : program_(program),
        supervisor_(supervisor),
        session_{options, ranks, {}, {}, {}, {}},
        campaign_(program, session_, supervisor) {}

  ~Run() {
    if (session_.ranks.leads())
      supervisor_.set_last_will(print_error);  // the writer is about to go
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  int execute(const std::optional<Failure>& before_mpi) {
    auto& ranks = session_.ranks;
    ranks.agree(before_mpi, "starting");
    session_.facts = exchange_facts(ranks);
    together(ranks, "comparing builds", [&] { refuse_different_builds(ranks, session_.facts); });
    together(ranks, "placing ranks", [&] { place_rank(); });
    together(ranks, "setting up", [&] { program_.set_up(session_); });
    if (session_.options.list) return list();
    plan();
    const auto failure =
        ranks.leads() ? campaign_.lead(plan_.points, *writer_) : campaign_.follow();
    return finish(failure);
  }

 private:
  void place_rank() {
    session_.placement = place(session_.options.cores, session_.local_rank(session_.ranks.rank()),
                               session_.local_ranks(), {});
    if (!session_.placement.cores.empty()) bind_thread(session_.placement.cores.front());
  }

  int list() {
    together(session_.ranks, "listing", [&] {
      if (!session_.ranks.leads()) return;
      for (const auto& point : wanted_points(program_, session_)) fmt::print("{}\n", point.name);
      if (const auto missing = program_.missing(session_)) {
        std::fputs(fmt::format("these would be skipped: {}\n", *missing).c_str(), stderr);
      }
    });
    return 0;
  }

  void plan() {
    auto& ranks = session_.ranks;
    const auto placements = all_placements(session_);
    std::vector<std::uint64_t> largest = {0};
    together(ranks, "planning", [&] {
      if (!ranks.leads()) return;
      const auto& options = session_.options;
      plan_ = program_.plan(wanted_points(program_, session_), options);
      for (const auto& point : plan_.points) {
        largest[0] = std::max(largest[0], program_.memory_bytes(point));
      }
    });
    ranks.broadcast(largest, "planning");
    together(ranks, "planning", [&] {
      check_memory(session_, largest[0]);
      if (!ranks.leads()) return;
      writer_ = std::make_unique<ResultWriter>(session_.options.out,
                                               context_of(program_, session_, placements));
      writer_->set_status("running");
      if (program_.missing(session_)) return;
      for (const auto& note : session_.notes) std::fputs((note + "\n").c_str(), stderr);
      tell_left_out(plan_);
    });
    if (ranks.leads()) {
      supervisor_.set_last_will([this](const Failure& failure) {
        writer_->set_last_status(failure);
        print_error(failure);
      });
    }
  }

  int finish(const std::optional<Failure>& failure) {
    auto result = failure;
    if (session_.ranks.leads()) result = report(failure);
    if (!campaign_.broken_off()) {
      try {
        session_.ranks.agree(std::nullopt, "ending");
      } catch (const Failure& late) {
        if (!result && session_.ranks.leads()) print_error(late);
        if (!result) result = late;
      }
    }
    // mpirun reports every rank that ends with a code; rank 0 speaks for all.
    if (!session_.ranks.leads()) return 0;
    if (result) return static_cast<int>(result->code());
    if (session_.options.strict && campaign_.doubtful())
      return static_cast<int>(ExitCode::kSuspect);
    return 0;
  }

  /// Rank 0's last words: the table, the file's status, the error.
  std::optional<Failure> report(std::optional<Failure> failure) {
    try {
      writer_->set_status(failure ? status_of(*failure) : status_when_complete());
    } catch (const Failure& unwritable) {
      if (!failure) failure = unwritable;
    }
    if (const auto missing = program_.missing(session_)) {
      std::fputs(fmt::format("skipped: {}\n", *missing).c_str(), stderr);
    } else {
      print_table();
      tell_of_doubts();
    }
    if (failure) print_error(*failure);
    return failure;
  }

  void print_table() const {
    const Ink ink(use_color(session_.options.color) ? Colour::kAlways : Colour::kNever);
    const auto file = parse_result_file(writer_->text(), session_.options.out);
    fmt::print("{}{}{}", result_table(file, ink), token_text(file, ink), result_table_legend());
    std::fflush(stdout);
  }

  /// Where most points are suspect, the points are not the trouble.
  void tell_of_doubts() const {
    if (2 * campaign_.suspects() < plan_.points.size()) return;
    std::fputs(
        fmt::format("{} of {} points are suspect: something else is at work on these machines, "
                    "or they are too noisy for so short a run; stop it, or take a full one\n",
                    campaign_.suspects(), plan_.points.size())
            .c_str(),
        stderr);
  }

  std::string status_when_complete() const {
    if (!session_.options.strict || !campaign_.doubtful()) return "complete";
    return status_of({ExitCode::kSuspect, "--strict: a point is suspect or invalid"});
  }

  Program& program_;
  Supervisor& supervisor_;
  Session session_;
  Campaign campaign_;
  Plan plan_;
  std::unique_ptr<ResultWriter> writer_;
};

}  // namespace

bool Session::same_machine(int a, int b) const {
  return facts[static_cast<std::size_t>(a)].boot_id == facts[static_cast<std::size_t>(b)].boot_id;
}

bool Session::same_network_stack(int a, int b) const {
  return same_machine(a, b) && facts[static_cast<std::size_t>(a)].network_namespace ==
                                   facts[static_cast<std::size_t>(b)].network_namespace;
}

bool Session::one_network_stack() const {
  for (int rank = 1; rank < ranks.size(); ++rank) {
    if (!same_network_stack(0, rank)) return false;
  }
  return true;
}

int Session::local_rank(int rank) const {
  int local = 0;
  for (int other = 0; other < rank; ++other) local += same_machine(other, rank) ? 1 : 0;
  return local;
}

int Session::machines() const {
  int machines = 0;
  for (int rank = 0; rank < ranks.size(); ++rank) machines += local_rank(rank) == 0 ? 1 : 0;
  return machines;
}

int Session::local_ranks() const {
  int all = 0;
  for (int rank = 0; rank < ranks.size(); ++rank) all += same_machine(rank, ranks.rank()) ? 1 : 0;
  return all;
}

std::vector<Round> Session::rounds() const {
  // One rank alone has a pair for its points' names, too.
  auto all = round_robin(ranks.size());
  if (ranks.size() < 2) return all;
  std::vector<std::string> machines;
  for (const auto& host : facts) machines.push_back(host.boot_id);
  return apart(all, machines);
}

std::optional<std::string> Program::missing(const Session& session) const {
  if (session.ranks.size() > 1) return std::nullopt;
  return fmt::format("{} needs at least two ranks: mpirun -np 2 {}", name(), name());
}

Plan Program::plan(std::vector<Point> points, const Options& options) const {
  return make_plan(std::move(points), options.profile, options.seed);
}

int run_program(Program& program, int argc, char** argv) {
  Options options;
  options.command_line = command_line(argc, argv);
  CLI::App app(std::string(program.purpose()), std::string(program.name()));
  app.set_version_flag("--version", WIRETAX_VERSION);
  add_common_options(app, options);
  program.add_options(app);
  if (const auto code = parse_command_line(app, argc, argv)) return *code;

  Supervisor supervisor;
  explain_endings(supervisor);
  std::optional<Failure> before_mpi;
  try {
    program.before_mpi(options);
  } catch (const std::exception& error) {
    before_mpi = as_failure(error);
  }
  // mpirun may wait for ever for a rank that ends while MPI starts, which has a deadline of its
  // own.
  const double begun_s = now_s();
  return with_ranks(supervisor, [&](Ranks& ranks) {
    if (options.deadline_s > 0) supervisor.set_run_deadline(options.deadline_s, begun_s);
    return Run(program, options, ranks, supervisor).execute(before_mpi);
  });
}

}  // namespace wiretax::bench
