#include "report/fallback_table.h"

#include <fmt/format.h>

#include "report/units.h"

namespace wiretax {
namespace {

std::string path_in_words(FabricPath path) {
  switch (path) {
    case FabricPath::kRoceBoth:
      return "RoCE, both halves";
    case FabricPath::kRoceOne:
      return "RoCE, one half";
    case FabricPath::kTcp:
      return "TCP";
    case FabricPath::kUnknown:
      break;
  }
  return "unknown";
}

std::string origin_of(const Fallback& fallback) {
  const auto name = printable(fallback.fabric);
  return fallback.decides ? name : name + ", not your engine's path";
}

std::string all_reduce_us(double seconds) { return fmt::format("{:.1f}", seconds / kMicrosecond); }

}  // namespace

Table fallbacks_table(const Decision& decision) {
  using enum Table::Align;
  Table table({{"model", kLeft},
               {"batch"},
               {"path", kLeft},
               {"tokens/s"},
               {"AR us"},
               {"AR* us"},
               {"measured by", kLeft}});
  for (const auto& fallback : decision.fallbacks) {
    const bool known = !fallback.fabric.empty();
    const auto& limit = fallback.break_even_s;
    table.add({printable(fallback.model + ":" + fallback.quant), fmt::format("{}", fallback.batch),
               path_in_words(fallback.path), known ? format_figures(fallback.tokens_per_s) : "-",
               known ? all_reduce_us(fallback.all_reduce_s) : "-",
               !limit       ? "-"
               : *limit > 0 ? all_reduce_us(*limit)
                            : "none",
               known ? origin_of(fallback) : "not measured"});
  }
  return table;
}

}  // namespace wiretax
