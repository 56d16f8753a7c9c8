#include "report/commands/detail_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/fallback_table.h"
#include "report/units.h"

namespace wiretax {
namespace {

std::string milliseconds(double seconds) { return fmt::format("{:.2f}", seconds / kMillisecond); }

void add_row(const Row& row, const Fabric& fabric, Table& table) {
  const auto model = fmt::format("{}:{}", row.model, row.quant);
  std::vector<std::string> cells = {
      printable(model), fmt::format("{}", row.batch),
      fmt::format("{}{}", printable(row.fabric), fabric.decides() ? "" : " (cannot decide)"),
      row.strategy};
  if (!row.fits) {
    cells.push_back(row.reason);
    table.add(std::move(cells));
    return;
  }
  const auto& parts = row.parts;
  for (auto cell :
       {format_figures(row.tokens_per_s.mid),
        fmt::format("{} to {}", format_figures(row.tokens_per_s.low),
                    format_figures(row.tokens_per_s.high)),
        milliseconds(row.step_s.mid), milliseconds(parts.weights_s + parts.kv_s),
        milliseconds(parts.wire_s), milliseconds(parts.compute_s), milliseconds(parts.fixed_s),
        fmt::format("{:.1f}", 100 * parts.wire_s / parts.total())}) {
    cells.push_back(std::move(cell));
  }
  const auto& all_reduce = row.all_reduce;
  cells.push_back(all_reduce ? microseconds(all_reduce->time_s.mid) : "");
  cells.push_back(row.break_even_s ? break_even(*row.break_even_s) : "");
  table.add(std::move(cells));
}

}  // namespace

std::string microseconds(double seconds) { return fmt::format("{:.1f}", seconds / kMicrosecond); }

std::string break_even(double seconds) { return seconds > 0 ? microseconds(seconds) : "none"; }

void print_rows(const Request& request, const Decision& decision, const Ink& ink) {
  using enum Table::Align;
  Table table({{"model", kLeft},
               {"batch"},
               {"fabric", kLeft},
               {"strategy", kLeft},
               {"tokens/s"},
               {"range"},
               {"step"},
               {"read"},
               {"wire"},
               {"compute"},
               {"fixed"},
               {"wire %"},
               {"AR us"},
               {"AR* us"}});
  const auto& first = request.fabrics.front();
  for (const auto& row : decision.rows) {
    const auto& fabric = request.fabric(row.fabric);
    // What no fabric changes need not be said once for each.
    if (fabric.name == first.name || row.parts.wire_s > 0) add_row(row, fabric, table);
  }
  fmt::print(
      "\n{}\nstep, read (weights and KV), wire, compute (beyond reading), fixed: ms, at the middle "
      "of "
      "the assumptions;\nrange: tokens/s over all assumptions.\n",
      table.text(ink));
}

void print_fallbacks(const Request& request, const Decision& decision, const Ink& ink) {
  const auto table = fallbacks_table(decision);
  if (table.empty()) return;
  fmt::print("\n{}\n{}",
             ink.bold(fmt::format("What a silent fallback would cost tp{}{}", request.ranks,
                                  request.shape ? " in decoding" : "")),
             table.text(ink));
}

}  // namespace wiretax
