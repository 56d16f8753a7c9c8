#include "report/cost.h"

#include <algorithm>
#include <utility>

#include "report/strategies.h"

namespace wiretax {
namespace {

double at_level(const Band& band, double level) {
  return band.mid + (level < 0 ? (band.mid - band.low) * level : (band.high - band.mid) * level);
}

double weight_bytes(const Path& path, const Model& model, double gamma) {
  double bytes = 0;
  for (const auto& read : path.reads) {
    bytes += read.fixed_bytes;
    if (read.expert_bytes > 0) bytes += read.expert_bytes * model.coverage(read.tokens, gamma);
  }
  return bytes;
}

}  // namespace

void Path::send(std::vector<PricedMessage> more, std::uint64_t times) {
  for (auto& message : more) {
    message.message.count *= times;
    wire_s = wire_s + message.all_s();
    messages.push_back(std::move(message));
  }
}

Parts Path::parts(const Model& model, const Machine& machine, const Assumptions& at) const {
  const double rate = machine.memory_bytes_per_s * at.efficiency;
  Parts parts;
  parts.weights_s = weight_bytes(*this, model, at.gamma) / rate;
  parts.kv_s = cache.total() / rate;
  parts.wire_s = at_level(wire_s, at.wire);
  parts.compute_s =
      std::max(0.0, operations / machine.compute_flops_per_s - parts.weights_s - parts.kv_s);
  parts.fixed_s = fixed_share * at.fixed_s;
  return parts;
}

Parts Plan::parts(const Model& model, const Machine& machine, const Assumptions& at) const {
  Parts longest;
  for (const auto& path : paths) {
    const auto candidate = path.parts(model, machine, at);
    if (candidate.total() > longest.total()) longest = candidate;
  }
  return longest;
}

const Path& Plan::longest(const Model& model, const Machine& machine, const Assumptions& at) const {
  return *std::ranges::max_element(
      paths, {}, [&](const Path& path) { return path.parts(model, machine, at).total(); });
}

std::vector<Plan> plan_strategies(const Model& model, const Machine& machine, const Fabric& fabric,
                                  const Workload& workload) {
  const Setting setting{model, machine, fabric, decode_step(model, workload)};
  std::vector<Plan> plans;
  for (const auto& layout : layouts_of(workload.ranks, workload.extra)) {
    plans.push_back(plan_layout(setting, layout));
  }
  return plans;
}

AllReduceBalance all_reduce_balance(const Model& model, const Machine& machine,
                                    const Fabric& fabric, const Workload& workload,
                                    const Assumptions& at) {
  const Setting setting{model, machine, fabric, decode_step(model, workload)};
  const auto tensor =
      plan_layout(setting, {Strategy::kTensorParallel, workload.ranks}).paths.front();
  AllReduceBalance balance;
  balance.bytes = tensor.messages.front().message.bytes;
  balance.time_s = tensor.messages.front().each_s;
  balance.range = Pricer(fabric).basis(tensor.messages.front()).time.range;
  for (const auto& [message, ranks, hop, each_s] : tensor.messages) {
    if (message.operation == "all_reduce") balance.count += message.count;
  }
  const auto alone = plan_single(setting).parts(model, machine, at);
  auto split = tensor.parts(model, machine, at);
  split.wire_s = 0;
  balance.break_even_s = (alone.total() - split.total()) / static_cast<double>(balance.count);
  return balance;
}

}  // namespace wiretax
