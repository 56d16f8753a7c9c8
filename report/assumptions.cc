#include "report/assumptions.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/units.h"

namespace wiretax {
namespace {

/// Of drafts, cache and prompts, beyond the defaults.
std::string workload_text(const Request& request) {
  std::string text;
  if (!request.extra.empty()) {
    text += fmt::format(
        "  tp{0}sp: a reduce_scatter and an all_gather for every all_reduce; ep{0}: each machine "
        "its "
        "own\n  sequences, the experts dealt out by all_gather; ep{0}a2a: by all_to_all;\n",
        request.ranks);
  }
  if (request.drafts > 0) {
    text +=
        fmt::format("  {} drafts a step, {} of them accepted;\n", request.drafts, request.accepted);
  }
  const auto narrow = [](const Model& model) { return model.kv_bits < 16; };
  if (std::ranges::any_of(request.models, narrow)) text += "  KV cache in fp8;\n";
  if (!request.shape) return text;
  text += fmt::format("  prompts read in chunks of {} tokens, their own attention left out",
                      request.shape->chunk);
  if (const auto& rate = request.machine.prefill_flops_per_s) {
    text += fmt::format(", at {:.3g} ({:.3g} to {:.3g}) TFLOP/s", rate->mid / kTeraflop,
                        rate->low / kTeraflop, rate->high / kTeraflop);
  }
  return text + ";\n";
}

}  // namespace

std::string assumptions_text(const Request& request) {
  const auto& machine = request.machine;
  const auto gibibytes = [](double bytes) { return bytes / static_cast<double>(kGibibyte); };
  const auto& efficiency = machine.efficiency;
  const auto& fixed = machine.fixed_s;
  return fmt::format(
             "assumptions: {} of {} with {:.1f} GiB usable, of which {:.1f} kept free, {:.0f} GB/s "
             "and {:.0f} TFLOP/s{};\n  memory efficiency {:.2f} ({:.2f} to {:.2f}); fixed cost "
             "{:.3g} ms "
             "({:.3g} to {:.3g}); gamma {:.2g} ({:.2g} to {:.2g});\n  {} tokens of context; a "
             "measured "
             "curve within its 95 % interval, a published one x1 to x1.5;\n  strategies compared "
             "at equal "
             "assumptions.\n",
             request.ranks, machine.name, gibibytes(machine.memory_bytes),
             gibibytes(machine.reserve_bytes), machine.memory_bytes_per_s / kGigabyte,
             machine.compute_flops_per_s / 1e12, machine.compute_verified ? "" : " (unverified)",
             efficiency.mid, efficiency.low, efficiency.high, fixed.mid / kMillisecond,
             fixed.low / kMillisecond, fixed.high / kMillisecond, request.gamma.mid,
             request.gamma.low, request.gamma.high, request.context) +
         workload_text(request);
}

}  // namespace wiretax
