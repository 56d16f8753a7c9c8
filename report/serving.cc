#include "report/serving.h"

#include "report/strategies.h"
#include "report/units.h"

namespace wiretax {
namespace {

Plan plan_at(const Model& model, const Machine& machine, const Fabric& fabric, const Layout& layout,
             const Workload& workload, double context) {
  auto step = decode_step(model, workload);
  step.context = context;
  return plan_layout({model, machine, fabric, step}, layout);
}

Band per_second(double tokens, const Band& seconds) {
  return {tokens / seconds.high, tokens / seconds.mid, tokens / seconds.low};
}

}  // namespace

// The prompt's last chunk makes the first token, so that one less has to be decoded.
RequestCycle::RequestCycle(const Model& model, const Machine& machine, const Fabric& fabric,
                           const Layout& layout, const Workload& workload,
                           const RequestShape& shape)
    : model_(model),
      machine_(machine),
      tokens_a_step_(1 + workload.accepted),
      steps_(real(shape.output - 1) / tokens_a_step_),
      prefill_(model, machine, fabric, layout, workload.ranks,
               {workload.batch, shape.input, shape.chunk}),
      decoding_(plan_at(model, machine, fabric, layout, workload,
                        real(shape.input) + real(shape.output) / 2)),
      reason_(plan_at(model, machine, fabric, layout, workload, real(shape.input + shape.output))
                  .reason) {}

double RequestCycle::token_interval_s(const Assumptions& at) const {
  return decoding_.parts(model_, machine_, at).total() / tokens_a_step_;
}

double RequestCycle::decoding_s(const Assumptions& at) const {
  return decoding_.parts(model_, machine_, at).total() * steps_;
}

double RequestCycle::total_s(const Assumptions& at) const {
  return prefill_.parts(at).total() + decoding_s(at);
}

Serving price_serving(const Model& model, const Machine& machine, const Fabric& fabric,
                      const Layout& layout, const Workload& workload, const RequestShape& shape,
                      const Band& gamma) {
  const auto corners = corners_of(machine, gamma);
  const RequestCycle requests(model, machine, fabric, layout, workload, shape);
  const auto over_corners = [&](const auto& seconds_at) {
    return Band{seconds_at(corners.fastest), seconds_at(corners.middle),
                seconds_at(corners.slowest)};
  };
  Serving serving{.prefill = price_prefill(model, machine, fabric, layout, workload.ranks,
                                           {1, shape.input, shape.chunk}, corners),
                  .token_interval_s = over_corners(
                      [&](const Assumptions& at) { return requests.token_interval_s(at); }),
                  .throughput = {},
                  .reason = requests.reason()};
  if (serving.reason.empty() && machine.prefill_flops_per_s) {
    const auto cycle_s = over_corners([&](const Assumptions& at) { return requests.total_s(at); });
    const auto batch = real(workload.batch);
    serving.throughput = {
        .output_tokens_per_s = per_second(batch * real(shape.output), cycle_s),
        .total_tokens_per_s = per_second(batch * real(shape.input + shape.output), cycle_s),
        .decode_share = requests.decoding_s(corners.middle) / cycle_s.mid};
  }
  return serving;
}

}  // namespace wiretax
