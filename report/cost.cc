#include "report/cost.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/traffic.h"
#include "report/units.h"

namespace wiretax {
namespace {

/// Where no send_recv was measured: the sampled tokens' way back to the first stage.
constexpr double kUnmeasuredReturnSeconds = 20 * kMicrosecond;
constexpr double kOperationsPerParameter = 2;  // multiply and add

double real(std::uint64_t value) { return static_cast<double>(value); }

Band operator*(const Band& band, double factor) {
  return {band.low * factor, band.mid * factor, band.high * factor};
}

Band operator+(const Band& a, const Band& b) {
  return {a.low + b.low, a.mid + b.mid, a.high + b.high};
}

double at_level(const Band& band, double level) {
  return band.mid + (level < 0 ? (band.mid - band.low) * level : (band.high - band.mid) * level);
}

/// Prices messages on one fabric and writes down what it had to assume.
class Pricer {
 public:
  explicit Pricer(const Fabric& fabric) : fabric_(fabric) {}

  Band price(const Message& message) {
    if (message.operation == "all_reduce") return all_reduce(real(message.bytes));
    if (message.operation == "all_gather") return all_gather(real(message.bytes));
    return at(fabric_.send_recv, "send_recv", real(message.bytes));
  }

  Band all_reduce(double bytes) { return at(fabric_.all_reduce, "all_reduce", bytes); }

  /// One tensor's two hops of a pipeline, without a send_recv curve. A ring all-reduce of S bytes
  /// is 2(N-1) steps of S/N each, so one step of x bytes is all_reduce(N x) / (2(N-1)).
  Band hop_by_all_reduce(double bytes) {
    note(
        "send_recv was not measured: a hop is taken as one step of a ring all_reduce, the sampled "
        "tokens' way back as 20 us");
    const double n = real(fabric_.ranks);
    return all_reduce(n * bytes) * (1 / (2 * (n - 1)));
  }

  std::vector<std::string> take_notes() { return std::move(notes_); }

 private:
  /// Without a curve of its own an all-gather of S bytes in all is the second half of a ring
  /// all-reduce of S bytes.
  Band all_gather(double bytes) {
    if (!fabric_.all_gather.empty()) return at(fabric_.all_gather, "all_gather", bytes);
    note("all_gather was not measured: taken as half an all_reduce of the same size");
    return all_reduce(bytes) * 0.5;
  }

  Band at(const Curve& curve, std::string_view operation, double bytes) {
    const auto time = curve.at(bytes);
    if (time.range == CurveRange::kBelowSmallest) {
      const auto smallest = format_bytes(curve.points().front().bytes);
      note(fmt::format("{} below {} was not measured: the time of {} is taken", operation, smallest,
                       smallest));
    } else if (time.range == CurveRange::kAboveLargest) {
      note(fmt::format("{} beyond {} was not measured: its time grows in proportion to the bytes",
                       operation, format_bytes(curve.points().back().bytes)));
    }
    return band_of(fabric_, time);
  }

  void note(std::string text) {
    if (std::ranges::count(notes_, text) == 0) notes_.push_back(std::move(text));
  }

  const Fabric& fabric_;
  std::vector<std::string> notes_;
};

Band tensor_parallel_wire(Pricer& pricer, const Model& model, const Workload& workload) {
  Band total;
  for (const auto& message : tensor_parallel_messages(model, workload.ranks, workload.batch)) {
    total = total + pricer.price(message) * real(message.count);
  }
  return total;
}

/// All hops of one micro-batch and the sampled tokens' way back.
Band pipeline_wire(Pricer& pricer, const Fabric& fabric, const Model& model,
                   const Workload& workload) {
  const auto messages = pipeline_messages(model, workload.ranks, workload.batch);
  if (fabric.send_recv.empty()) {
    const double both_tensors = 2 * real(messages.front().bytes);
    constexpr Band kReturn = {kUnmeasuredReturnSeconds, kUnmeasuredReturnSeconds,
                              kUnmeasuredReturnSeconds};
    return pricer.hop_by_all_reduce(both_tensors) * real(workload.ranks - 1) + kReturn;
  }
  Band total;
  for (const auto& message : messages) {
    total = total + pricer.price(message) * real(message.count);
  }
  return total;
}

/// Of one tensor-parallel rank and one sequence: what it keeps, and what a step moves.
double rank_sequence_bytes(const Model& model, const Workload& workload, double state_passes) {
  return model.kv_bytes(real(workload.context)) * model.kv_share(workload.ranks) +
         state_passes * model.state_bytes / real(workload.ranks);
}

std::string memory_reason(const Machine& machine, double bytes) {
  const double usable = machine.memory_bytes - machine.reserve_bytes;
  if (bytes <= usable) return {};
  return fmt::format("does not fit: {:.1f} GiB of weights and KV on each machine, {:.1f} usable",
                     bytes / real(kGibibyte), usable / real(kGibibyte));
}

std::string heads_reason(const Model& model, std::uint64_t ranks) {
  if (model.heads % ranks != 0) {
    return fmt::format("{} heads do not divide by {}", model.heads, ranks);
  }
  const bool kv_heads_split = model.latent_dim == 0;
  if (kv_heads_split && model.kv_heads % ranks != 0 && ranks % model.kv_heads != 0) {
    return fmt::format("{} KV heads do not divide by {}", model.kv_heads, ranks);
  }
  if (model.linear_heads % ranks != 0) {
    return fmt::format("{} linear-attention heads do not divide by {}", model.linear_heads, ranks);
  }
  return {};
}

double operations_of(const Model& model, double tokens) {
  return kOperationsPerParameter * model.active_parameters() * tokens;
}

Plan single(const Model& model, const Machine& machine, const Workload& workload) {
  const double batch = real(workload.batch);
  const double context = real(workload.context);
  Plan plan{.strategy = Strategy::kSingle,
            .name = strategy_name(Strategy::kSingle, 1),
            .paths = {},
            .reason = memory_reason(machine,
                                    model.resident_bytes() + model.sequence_bytes(context) * batch),
            .notes = {}};
  plan.paths.push_back({.tokens = batch,
                        .kv_bytes = model.sequence_traffic(context) * batch,
                        .operations = operations_of(model, batch),
                        .wire_s = {}});
  return plan;
}

/// Every machine serves its part of the sequences alone; the fullest one sets the time.
Plan replicas(const Model& model, const Machine& machine, const Workload& workload) {
  const auto batch = tokens_per_part(workload.batch, workload.ranks);
  auto plan = single(model, machine, {batch, workload.context, 1});
  plan.strategy = Strategy::kReplicas;
  plan.name = strategy_name(plan.strategy, workload.ranks);
  return plan;
}

Plan tensor_parallel(const Model& model, const Machine& machine, const Fabric& fabric,
                     const Workload& workload) {
  const double n = real(workload.ranks);
  const double batch = real(workload.batch);
  Plan plan{.strategy = Strategy::kTensorParallel,
            .name = strategy_name(Strategy::kTensorParallel, workload.ranks),
            .paths = {},
            .reason = heads_reason(model, workload.ranks),
            .notes = {}};
  if (plan.fits()) {
    plan.reason = memory_reason(
        machine, model.resident_bytes() / n + rank_sequence_bytes(model, workload, 1) * batch);
  }
  Pricer pricer(fabric);
  plan.paths.push_back({.tokens = batch,
                        .weight_share = 1 / n,
                        .kv_bytes = rank_sequence_bytes(model, workload, 2) * batch,
                        .operations = operations_of(model, batch) / n,
                        .wire_s = tensor_parallel_wire(pricer, model, workload)});
  plan.notes = pricer.take_notes();
  return plan;
}

/// Either one micro-batch's way through all stages and the wire decides, or the fullest stage,
/// which all micro-batches have to pass one after the other.
Plan pipeline(const Model& model, const Machine& machine, const Fabric& fabric,
              const Workload& workload) {
  const double n = real(workload.ranks);
  const double micro_batches = std::min(n, real(workload.batch));
  const auto batch = tokens_per_part(workload.batch, workload.ranks);
  const double fullest =
      real((model.layers + workload.ranks - 1) / workload.ranks) / real(model.layers);
  const double kept = model.sequence_bytes(real(workload.context));
  const double moved = model.sequence_traffic(real(workload.context));
  Plan plan{.strategy = Strategy::kPipeline,
            .name = strategy_name(Strategy::kPipeline, workload.ranks),
            .paths = {},
            .reason = {},
            .notes = {}};
  if (model.layers < workload.ranks) {
    plan.reason = fmt::format("{} layers do not fill {} stages", model.layers, workload.ranks);
  } else {
    plan.reason =
        memory_reason(machine, fullest * (model.resident_bytes() + kept * real(workload.batch)));
  }
  Pricer pricer(fabric);
  plan.paths.push_back({.tokens = real(batch),
                        .kv_bytes = moved * real(batch),
                        .operations = operations_of(model, real(batch)),
                        .wire_s = pipeline_wire(pricer, fabric, model, workload)});
  const double passes = micro_batches * fullest;
  plan.paths.push_back({.tokens = real(batch),
                        .weight_share = passes,
                        .kv_bytes = passes * moved * real(batch),
                        .operations = passes * operations_of(model, real(batch)),
                        .fixed_share = micro_batches / n,
                        .wire_s = {}});
  plan.notes = pricer.take_notes();
  return plan;
}

Parts parts_of(const Path& path, const Model& model, const Machine& machine,
               const Assumptions& at) {
  const double rate = machine.memory_bytes_per_s * at.efficiency;
  Parts parts;
  parts.weights_s = path.weight_share * model.weight_bytes(path.tokens, at.gamma) / rate;
  parts.kv_s = path.kv_bytes / rate;
  parts.wire_s = at_level(path.wire_s, at.wire);
  parts.compute_s =
      std::max(0.0, path.operations / machine.compute_flops_per_s - parts.weights_s - parts.kv_s);
  parts.fixed_s = path.fixed_share * at.fixed_s;
  return parts;
}

}  // namespace

std::string strategy_name(Strategy strategy, std::uint64_t ranks) {
  switch (strategy) {
    case Strategy::kSingle:
      return "tp1";
    case Strategy::kTensorParallel:
      return fmt::format("tp{}", ranks);
    case Strategy::kPipeline:
      return fmt::format("pp{}", ranks);
    case Strategy::kReplicas:
      return fmt::format("replicas{}", ranks);
  }
  return {};
}

Parts Plan::parts(const Model& model, const Machine& machine, const Assumptions& at) const {
  Parts longest;
  for (const auto& path : paths) {
    const auto candidate = parts_of(path, model, machine, at);
    if (candidate.total() > longest.total()) longest = candidate;
  }
  return longest;
}

std::vector<Plan> plan_strategies(const Model& model, const Machine& machine, const Fabric& fabric,
                                  const Workload& workload) {
  std::vector<Plan> plans = {single(model, machine, workload)};
  if (workload.ranks < 2) return plans;
  plans.push_back(tensor_parallel(model, machine, fabric, workload));
  plans.push_back(pipeline(model, machine, fabric, workload));
  plans.push_back(replicas(model, machine, workload));
  return plans;
}

AllReduceBalance all_reduce_balance(const Model& model, const Machine& machine,
                                    const Fabric& fabric, const Workload& workload,
                                    const Assumptions& at) {
  const auto messages = tensor_parallel_messages(model, workload.ranks, workload.batch);
  AllReduceBalance balance;
  balance.bytes = messages.front().bytes;
  balance.time_s = Pricer(fabric).price(messages.front());
  for (const auto& message : messages) {
    if (message.operation == "all_reduce") balance.count += message.count;
  }
  const auto alone = single(model, machine, workload).parts(model, machine, at);
  auto split = tensor_parallel(model, machine, fabric, workload).parts(model, machine, at);
  split.wire_s = 0;
  balance.break_even_s = (alone.total() - split.total()) / real(balance.count);
  return balance;
}

}  // namespace wiretax
