#include "report/decide.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "report/units.h"
#include "report/verdict.h"

namespace wiretax {
namespace {

/// One model and batch on one fabric, with every plan's step at every point of the box.
struct Case {
  const Model& model;
  const Fabric& fabric;
  Workload workload;
  std::vector<Assumptions> points;
  std::vector<Plan> plans;
  std::vector<std::size_t> running;  // plans that fit
  Steps steps;                       // of those
};

Case make_case(const Request& request, const Model& model, const Fabric& fabric,
               std::uint64_t batch) {
  Case result{.model = model,
              .fabric = fabric,
              .workload = {batch, request.context, request.ranks},
              .points = box_points(request.machine, request.gamma, model.is_moe()),
              .plans = {},
              .running = {},
              .steps = {}};
  result.plans = plan_strategies(model, request.machine, fabric, result.workload);
  for (std::size_t i = 0; i < result.plans.size(); ++i) {
    if (!result.plans[i].fits()) continue;
    result.running.push_back(i);
    auto& steps = result.steps.emplace_back();
    for (const auto& point : result.points) {
      steps.push_back(result.plans[i].parts(model, request.machine, point).total());
    }
  }
  return result;
}

Row make_row(const Request& request, const Case& at, std::size_t plan_index) {
  const auto& plan = at.plans[plan_index];
  Row row;
  row.model = at.model.name;
  row.quant = at.model.quant.name;
  row.batch = at.workload.batch;
  row.context = at.workload.context;
  row.fabric = at.fabric.name;
  row.strategy = plan.name;
  row.fits = plan.fits();
  row.reason = plan.reason;
  if (plan.strategy == Strategy::kTensorParallel) {
    row.all_reduce =
        all_reduce_balance(at.model, request.machine, at.fabric, at.workload, at.points.front());
  }
  const auto running = std::ranges::find(at.running, plan_index);
  if (running == at.running.end()) return row;
  const auto& steps = at.steps[static_cast<std::size_t>(running - at.running.begin())];
  row.step_s = {std::ranges::min(steps), steps.front(), std::ranges::max(steps)};
  const auto batch = static_cast<double>(row.batch);
  row.tokens_per_s = {batch / row.step_s.high, batch / row.step_s.mid, batch / row.step_s.low};
  row.parts = plan.parts(at.model, request.machine, at.points.front());
  return row;
}

std::string in_words(const Plan& plan, std::uint64_t ranks) {
  switch (plan.strategy) {
    case Strategy::kSingle:
      return "one machine (tp1)";
    case Strategy::kTensorParallel:
      return fmt::format("tensor parallelism over {} machines ({})", ranks, plan.name);
    case Strategy::kPipeline:
      return fmt::format("a pipeline over {} machines ({})", ranks, plan.name);
    case Strategy::kReplicas:
      return fmt::format("{} replicas ({})", ranks, plan.name);
  }
  return {};
}

std::string batch_in_words(std::uint64_t batch) {
  return batch == 1 ? "one sequence" : fmt::format("{} sequences", batch);
}

/// Names of strategies that are the same in the comparison: "one machine (tp1), same: pp2".
std::string group_in_words(const Case& at, const Comparison& comparison) {
  const auto plan = [&](std::size_t member) -> const Plan& { return at.plans[at.running[member]]; };
  auto words = in_words(plan(comparison.group.front()), at.workload.ranks);
  std::vector<std::string> equals;
  for (const auto member : comparison.group) equals.push_back(plan(member).name);
  if (equals.size() < 2) return words;
  return fmt::format("{}, the same within 2 % as {},", words,
                     fmt::join(equals.begin() + 1, equals.end(), " and "));
}

/// How long an all-reduce could take before tensor parallelism and its best rival change places,
/// everything else as it is, against the time it has.
std::string break_even_in_words(const Case& at, const Comparison& comparison,
                                const AllReduceBalance& balance) {
  const auto is_tensor = [&](std::size_t i) {
    return at.plans[at.running[i]].strategy == Strategy::kTensorParallel;
  };
  const auto tensor = [&](const std::vector<std::size_t>& side) {
    return std::ranges::find_if(side, is_tensor);
  };
  const bool ahead = tensor(comparison.group) != comparison.group.end();
  const auto& own_side = ahead ? comparison.group : comparison.others;
  const auto& rivals = ahead ? comparison.others : comparison.group;
  if (tensor(own_side) == own_side.end() || rivals.empty()) return {};
  const auto own = *tensor(own_side);
  const auto rival = rivals.front();
  const double gap_s = at.steps[rival].front() - at.steps[own].front();
  const double limit_s = balance.time_s.mid + gap_s / static_cast<double>(balance.count);
  const auto& rival_name = at.plans[at.running[rival]].name;
  const auto& own_name = at.plans[at.running[own]].name;
  const auto size = format_bytes(balance.bytes);
  const auto* const source = at.fabric.kind == FabricKind::kPublished ? "published" : "measured";
  const auto time = format_seconds(balance.time_s.mid);
  if (limit_s <= 0) {
    return fmt::format(" No all-reduce is fast enough for {} to beat {}.", own_name, rival_name);
  }
  return fmt::format(" {} beats {} while an all-reduce of {} takes less than {}; {}: {}.", own_name,
                     rival_name, size, format_seconds(limit_s), source, time);
}

std::string heading(const Case& at) {
  return fmt::format("{} ({}), {}", at.model.name, at.model.quant.name,
                     batch_in_words(at.workload.batch));
}

double rate(const Case& at, std::size_t running) {
  return static_cast<double>(at.workload.batch) / at.steps[running].front();
}

std::string clear_sentence(const Case& at, const Comparison& comparison) {
  auto text =
      fmt::format("{}: {} wins with {} tokens/s", heading(at), group_in_words(at, comparison),
                  format_figures(rate(at, comparison.group.front())));
  if (comparison.others.empty()) {
    return text + (at.running.size() == 1 ? ": nothing else fits." : ".");
  }
  const auto next = comparison.others.front();
  return text + fmt::format(" against {} of {}.", format_figures(rate(at, next)),
                            in_words(at.plans[at.running[next]], at.workload.ranks));
}

std::string close_sentence(const Case& at, const Comparison& comparison,
                           const std::string& flips_on) {
  const auto leader = comparison.group.front();
  const auto other = *comparison.challenger;
  return fmt::format(
      "{}: too close to call between {} with {} tokens/s and {} with {}; "
      "{}.",
      heading(at), in_words(at.plans[at.running[leader]], at.workload.ranks),
      format_figures(rate(at, leader)), in_words(at.plans[at.running[other]], at.workload.ranks),
      format_figures(rate(at, other)),
      flips_on.empty() ? "they are equal" : flips_on + " would change the order");
}

std::string nothing_fits_sentence(const Case& at) {
  std::vector<std::string> reasons;
  for (const auto& plan : at.plans) reasons.push_back(plan.name + ": " + plan.reason);
  return fmt::format("{}: nothing fits. {}.", heading(at), fmt::join(reasons, "; "));
}

void judge(const Case& at, const std::optional<AllReduceBalance>& balance, Answer& answer) {
  if (at.running.empty()) {
    answer.kind = AnswerKind::kNothingFits;
    answer.sentence = nothing_fits_sentence(at);
    return;
  }
  const auto comparison = compare(at.steps);
  if (comparison.clear()) {
    answer.kind = AnswerKind::kClear;
    for (const auto member : comparison.group) {
      answer.winner.push_back(at.plans[at.running[member]].name);
    }
    answer.sentence = clear_sentence(at, comparison);
  } else {
    answer.kind = AnswerKind::kTooClose;
    answer.flips_on = flipping_assumption(comparison, at.steps, at.points, at.fabric);
    answer.sentence = close_sentence(at, comparison, answer.flips_on);
  }
  if (balance) answer.sentence += break_even_in_words(at, comparison, *balance);
}

/// Which fabric answers in place of one that cannot.
std::string answers_instead(const Request& request) {
  const auto found = std::ranges::find_if(request.fabrics, &Fabric::decides);
  if (found == request.fabrics.end()) return "No other fabric answers instead.";
  const auto* const what =
      found->kind == FabricKind::kPublished ? "published profile" : "measured fabric";
  return fmt::format("The {} {} answers instead.", what, found->name);
}

void refuse(const Request& request, const Fabric& fabric, Answer& answer) {
  std::string_view why = "is loopback inside one machine, not a network";
  answer.kind = AnswerKind::kNotANetwork;
  if (fabric.kind == FabricKind::kSharedMemory) {
    why = "is shared memory inside one machine, not a network";
  } else if (fabric.kind == FabricKind::kHostMpi) {
    why = "is MPI on host memory, not the path of your engine's messages";
    answer.kind = AnswerKind::kNotYourEnginesPath;
  }
  answer.sentence =
      fmt::format("'{}' {}, so it names no winner. {}", fabric.name, why, answers_instead(request));
}

void add_notes(const Case& at, std::vector<std::string>& notes) {
  const auto add = [&](const std::string& text) {
    auto note = fmt::format("{}: {}", at.fabric.name, text);
    if (std::ranges::count(notes, note) == 0) notes.push_back(std::move(note));
  };
  for (const auto& note : at.fabric.notes) add(note);
  for (const auto& plan : at.plans) {
    for (const auto& note : plan.notes) add(note);
  }
}

void decide_case(const Request& request, const Case& at, Decision& decision) {
  Answer answer{.model = at.model.name,
                .batch = at.workload.batch,
                .context = at.workload.context,
                .fabric = at.fabric.name,
                .winner = {},
                .flips_on = {},
                .sentence = {}};
  std::optional<AllReduceBalance> balance;
  for (std::size_t i = 0; i < at.plans.size(); ++i) {
    decision.rows.push_back(make_row(request, at, i));
    if (decision.rows.back().all_reduce) balance = decision.rows.back().all_reduce;
  }
  if (at.fabric.decides()) {
    judge(at, balance, answer);
  } else {
    refuse(request, at.fabric, answer);
  }
  add_notes(at, decision.notes);
  decision.answers.push_back(std::move(answer));
}

}  // namespace

std::string_view answer_kind_name(AnswerKind kind) {
  switch (kind) {
    case AnswerKind::kClear:
      return "clear";
    case AnswerKind::kTooClose:
      return "too_close";
    case AnswerKind::kNotANetwork:
      return "not_a_network";
    case AnswerKind::kNotYourEnginesPath:
      return "not_your_engines_path";
    case AnswerKind::kNothingFits:
      return "nothing_fits";
  }
  return {};
}

Decision decide(const Request& request) {
  Decision decision;
  decision.notes = request.notes;
  for (const auto& model : request.models) {
    for (const auto batch : request.batches) {
      for (const auto& fabric : request.fabrics) {
        decide_case(request, make_case(request, model, fabric, batch), decision);
      }
    }
  }
  return decision;
}

}  // namespace wiretax
