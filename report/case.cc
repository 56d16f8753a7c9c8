#include "report/case.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace wiretax {

Band Case::rate(std::size_t of_running) const {
  const auto [fastest, slowest] = std::ranges::minmax(steps[of_running]);
  return {tokens / slowest, tokens / steps[of_running].front(), tokens / fastest};
}

Case make_case(const Request& request, const Model& model, const Fabric& fabric,
               std::uint64_t batch) {
  Case result{.model = model,
              .fabric = fabric,
              .workload = request.workload(batch),
              .points = box_points(request.machine, request.gamma, model.is_moe()),
              .plans = {},
              .running = {},
              .steps = {},
              .about = {}};
  result.tokens = result.workload.tokens();
  result.one_of_several = std::ranges::count_if(request.fabrics, &Fabric::decides) > 1;
  if (request.shape) result.about = "decoding alone";
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

Case judged_case(const Request& request, Case decoding) {
  if (!request.judges_requests()) return decoding;
  auto at = std::move(decoding);
  const auto& shape = *request.shape;
  at.whole_requests = true;
  at.about = fmt::format("requests of {} tokens in and {} out", shape.input, shape.output);
  at.tokens = static_cast<double>(at.workload.batch * shape.output);
  at.points = with_prefill(at.points, *request.machine.prefill_flops_per_s);
  at.steps.clear();
  for (const auto i : std::exchange(at.running, {})) {
    auto& plan = at.plans[i];
    const RequestCycle requests(at.model, request.machine, at.fabric, plan.layout, at.workload,
                                shape);
    plan.reason = requests.reason();
    if (!plan.fits()) continue;
    at.running.push_back(i);
    auto& cycles = at.steps.emplace_back();
    for (const auto& point : at.points) cycles.push_back(requests.total_s(point));
  }
  return at;
}

bool Outcome::still(const Outcome& before) const {
  return kind == before.kind &&
         (before.winner.empty() || std::ranges::count(winner, before.winner.front()) > 0);
}

Outcome outcome_of(const Case& at) {
  Outcome outcome;
  if (at.running.empty()) return outcome;
  outcome.comparison = compare(at.steps);
  outcome.kind = outcome.comparison->clear() ? AnswerKind::kClear : AnswerKind::kTooClose;
  if (outcome.kind == AnswerKind::kTooClose) return outcome;
  for (const auto member : outcome.comparison->group) {
    outcome.winner.push_back(at.plan(member).name);
  }
  return outcome;
}

std::optional<TippingPoint> tipping_point(const Case& at, const AllReduceBalance& balance,
                                          Rivals rivals) {
  std::optional<std::size_t> tensor;
  std::optional<std::size_t> rival;
  for (std::size_t i = 0; i < at.running.size(); ++i) {
    const auto strategy = at.plan(i).strategy;
    if (strategy == Strategy::kSequenceParallel) continue;  // the same thing in another form
    const bool silent = strategy == Strategy::kSingle || strategy == Strategy::kReplicas;
    if (rivals == Rivals::kSilent && !silent && strategy != Strategy::kTensorParallel) continue;
    auto& side = strategy == Strategy::kTensorParallel ? tensor : rival;
    if (!side || at.steps[i].front() < at.steps[*side].front()) side = i;
  }
  if (!tensor || !rival) return std::nullopt;
  const double gap_s = at.steps[*rival].front() - at.steps[*tensor].front();
  return TippingPoint{*tensor, *rival, gap_s > 0,
                      balance.time_s.mid + gap_s / static_cast<double>(balance.count)};
}

}  // namespace wiretax
