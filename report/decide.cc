#include "report/decide.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "report/case.h"
#include "report/derivation.h"

namespace wiretax {
namespace {

void add_balance(const Request& request, const Case& at, Row& row) {
  row.all_reduce =
      all_reduce_balance(at.model, request.machine, at.fabric, at.workload, at.points.front());
  if (const auto point = tipping_point(at, *row.all_reduce)) {
    row.break_even_s = point->limit_s;
    row.rival = at.plan(point->rival).name;
  }
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
  const auto running = std::ranges::find(at.running, plan_index);
  if (running == at.running.end()) return row;
  const auto& steps = at.steps[static_cast<std::size_t>(running - at.running.begin())];
  row.step_s = {std::ranges::min(steps), steps.front(), std::ranges::max(steps)};
  row.tokens_per_s = at.rate(static_cast<std::size_t>(running - at.running.begin()));
  row.parts = plan.parts(at.model, request.machine, at.points.front());
  if (plan.strategy == Strategy::kTensorParallel) add_balance(request, at, row);
  if (request.shape) {
    row.serving = price_serving(at.model, request.machine, at.fabric, plan.layout, at.workload,
                                *request.shape, request.gamma);
  }
  if (request.why) {
    row.why =
        derivation(at.model, request.machine, at.fabric, at.workload, plan, at.points.front());
  }
  return row;
}

void judge(const Case& at, const std::optional<AllReduceBalance>& balance, Answer& answer) {
  const auto outcome = outcome_of(at);
  answer.kind = outcome.kind;
  answer.winner = outcome.winner;
  if (outcome.kind == AnswerKind::kTooClose) {
    const auto& comparison = *outcome.comparison;
    answer.contenders = {at.plan(comparison.group.front()).name,
                         at.plan(*comparison.challenger).name};
    answer.flips_on = flipping_assumption(comparison, at.steps, at.points, at.fabric);
  }
  answer.sentence = answer_sentence(at, outcome, answer.flips_on, balance);
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
  } else if (fabric.kind == FabricKind::kFloor) {
    why = "is the floor of the wire, which no engine's library reaches";
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
                .quant = at.model.quant.name,
                .batch = at.workload.batch,
                .context = at.workload.context,
                .fabric = at.fabric.name,
                .winner = {},
                .contenders = {},
                .flips_on = {},
                .sentence = {}};
  std::optional<AllReduceBalance> balance;
  for (std::size_t i = 0; i < at.plans.size(); ++i) {
    decision.rows.push_back(make_row(request, at, i));
    if (decision.rows.back().all_reduce) balance = decision.rows.back().all_reduce;
  }
  if (at.fabric.decides()) {
    const auto judged = judged_case(request, at);
    // Prompts have all-reduces of other sizes: no break-even of one size holds for whole requests.
    judge(judged, judged.whole_requests ? std::nullopt : balance, answer);
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
      std::ranges::move(find_fallbacks(request, model, batch),
                        std::back_inserter(decision.fallbacks));
    }
    for (const auto& fabric : request.fabrics) {
      if (!fabric.decides()) continue;
      std::ranges::move(find_stretches(request, model, fabric),
                        std::back_inserter(decision.stretches));
    }
  }
  return decision;
}

}  // namespace wiretax
