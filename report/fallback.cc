// What a silent fallback would cost: the same model on every path that NCCL may take.

#include <algorithm>
#include <array>

#include "report/case.h"

namespace wiretax {
namespace {

constexpr std::array kSlowerPaths = {FabricPath::kRoceBoth, FabricPath::kRoceOne, FabricPath::kTcp};

/// The fabrics that went this way: all that the engine's messages take, else one of another kind.
std::vector<const Fabric*> fabrics_on(const Request& request, FabricPath path) {
  std::vector<const Fabric*> engines;
  const Fabric* other = nullptr;
  for (const auto& fabric : request.fabrics) {
    if (fabric.path != path) continue;
    if (fabric.decides()) {
      engines.push_back(&fabric);
    } else if (other == nullptr) {
      other = &fabric;
    }
  }
  if (engines.empty() && other != nullptr) return {other};
  return engines;
}

std::optional<std::size_t> tensor_of(const Case& at) {
  for (std::size_t i = 0; i < at.running.size(); ++i) {
    if (at.plan(i).strategy == Strategy::kTensorParallel) return i;
  }
  return std::nullopt;
}

AllReduceBalance balance_of(const Request& request, const Case& at) {
  return all_reduce_balance(at.model, request.machine, at.fabric, at.workload, at.points.front());
}

void set_break_even(const Case& at, const AllReduceBalance& balance, Rivals rivals,
                    Fallback& fallback) {
  const auto point = tipping_point(at, balance, rivals);
  if (!point) return;
  fallback.break_even_s = point->limit_s;
  fallback.rival = at.plan(point->rival).name;
}

void price(const Request& request, const Case& at, Fallback& fallback) {
  const auto tensor = *tensor_of(at);
  const auto balance = balance_of(request, at);
  fallback.fabric = at.fabric.name;
  fallback.decides = at.fabric.decides();
  fallback.step_s = at.steps[tensor].front();
  fallback.tokens_per_s = at.rate(tensor).mid;
  fallback.all_reduce_s = balance.time_s.mid;
  set_break_even(at, balance, Rivals::kAll, fallback);
}

}  // namespace

std::vector<Fallback> find_fallbacks(const Request& request, const Model& model,
                                     std::uint64_t batch) {
  const auto any = make_case(request, model, request.fabrics.front(), batch);
  if (!tensor_of(any)) return {};  // on which fabric does not matter
  const auto balance = balance_of(request, any);
  std::vector<Fallback> fallbacks;
  for (const auto path : kSlowerPaths) {
    Fallback fallback{.model = model.name,
                      .quant = model.quant.name,
                      .batch = batch,
                      .path = path,
                      .fabric = {},
                      .all_reduce_bytes = balance.bytes,
                      .break_even_s = {},
                      .rival = {}};
    const auto measured = fabrics_on(request, path);
    for (const auto* const fabric : measured) {
      auto& priced = fallbacks.emplace_back(fallback);
      price(request, make_case(request, model, *fabric, batch), priced);
    }
    if (!measured.empty()) continue;
    set_break_even(any, balance, Rivals::kSilent, fallback);
    fallbacks.push_back(std::move(fallback));
  }
  return fallbacks;
}

}  // namespace wiretax
