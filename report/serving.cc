#include "report/serving.h"

#include "report/strategies.h"

namespace wiretax {
namespace {

double real(std::uint64_t value) { return static_cast<double>(value); }

Step step_at(const Model& model, const Workload& workload, double context) {
  auto step = decode_step(model, workload);
  step.context = context;
  return step;
}

Band steps_of(const Plan& plan, const Model& model, const Machine& machine,
              const Corners& corners) {
  return {plan.parts(model, machine, corners.fastest).total(),
          plan.parts(model, machine, corners.middle).total(),
          plan.parts(model, machine, corners.slowest).total()};
}

Band per_second(double tokens, const Band& seconds) {
  return {tokens / seconds.high, tokens / seconds.mid, tokens / seconds.low};
}

/// The prompt's last chunk makes the first token, so that one less has to be decoded.
Throughput throughput_of(const Workload& workload, const RequestShape& shape,
                         const Band& interval_s, const Band& prefill_s) {
  const auto decoding = interval_s * real(shape.output - 1);
  const auto cycle = prefill_s + decoding;
  const auto batch = real(workload.batch);
  return {.output_tokens_per_s = per_second(batch * real(shape.output), cycle),
          .total_tokens_per_s = per_second(batch * real(shape.input + shape.output), cycle),
          .decode_share = decoding.mid / cycle.mid};
}

}  // namespace

Serving price_serving(const Model& model, const Machine& machine, const Fabric& fabric,
                      const Layout& layout, const Workload& workload, const RequestShape& shape,
                      const Band& gamma) {
  const auto corners = corners_of(machine, gamma);
  const auto prefill_of = [&](std::uint64_t count) {
    return price_prefill(model, machine, fabric, layout, workload.ranks,
                         {count, shape.input, shape.chunk}, corners);
  };
  const auto plan_at = [&](double context) {
    return plan_layout({model, machine, fabric, step_at(model, workload, context)}, layout);
  };
  const auto decoding = plan_at(real(shape.input) + real(shape.output) / 2);
  Serving serving{.prefill = prefill_of(1), .token_interval_s = {}, .throughput = {}, .reason = {}};
  serving.token_interval_s =
      steps_of(decoding, model, machine, corners) * (1 / (1 + workload.accepted));
  serving.reason = plan_at(real(shape.input + shape.output)).reason;
  if (serving.reason.empty() && machine.prefill_flops_per_s) {
    serving.throughput = throughput_of(workload, shape, serving.token_interval_s,
                                       *prefill_of(workload.batch).time_s);
  }
  return serving;
}

}  // namespace wiretax
