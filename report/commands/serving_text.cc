#include "report/commands/serving_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/units.h"

namespace wiretax {
namespace {

std::string range(const Band& band) {
  return fmt::format("{} ({} to {})", format_figures(band.mid), format_figures(band.low),
                     format_figures(band.high));
}

/// Where the prefill rate is not known, the wire and the decoding still are.
std::vector<std::string> numbers(const Serving& serving) {
  if (!serving.reason.empty()) return {serving.reason};
  const auto& throughput = serving.throughput;
  const auto& first = serving.prefill.time_s;
  return {throughput ? range(throughput->output_tokens_per_s) : "unknown",
          throughput ? format_figures(throughput->total_tokens_per_s.mid) : "unknown",
          first ? format_seconds(first->mid) : "unknown",
          format_seconds(serving.prefill.parts.wire_s),
          format_seconds(serving.token_interval_s.mid)};
}

}  // namespace

void print_serving(const Request& request, const Decision& decision, const Ink& ink) {
  using enum Table::Align;
  if (!request.shape) return;
  Table table({{"model", kLeft},
               {"batch"},
               {"fabric", kLeft},
               {"strategy", kLeft},
               {"output tokens/s"},
               {"all tokens/s"},
               {"first token"},
               {"its wire"},
               {"per token"}});
  for (const auto& row : decision.rows) {
    if (!row.serving || !request.fabric(row.fabric).decides()) continue;
    std::vector<std::string> cells = {printable(row.model + ":" + row.quant),
                                      fmt::format("{}", row.batch), printable(row.fabric),
                                      row.strategy};
    for (auto& cell : numbers(*row.serving)) cells.push_back(std::move(cell));
    table.add(std::move(cells));
  }
  fmt::print("\n{}\n{}",
             ink.bold(fmt::format("Requests of {} tokens in and {} out, as many at a time as batch",
                                  request.shape->input, request.shape->output)),
             table.text(ink));
  fmt::print(
      "\nfirst token: of one request when nothing else runs, its wire: the part of it that is "
      "messages;\nper token: between tokens while nobody's prompt is read.\n");
  if (request.machine.prefill_flops_per_s) return;
  fmt::print(
      "How fast {} reads prompts is not known, and so neither is anything that hangs on it; "
      "--prefill-tflops\ntells it.\n",
      request.machine.name);
}

void print_derivations(const Decision& decision, const Ink& ink) {
  for (const auto& row : decision.rows) {
    if (row.why.empty()) continue;
    fmt::print("\n{}\n", ink.bold(printable(row.why.front())));
    for (auto line = row.why.begin() + 1; line != row.why.end(); ++line) {
      fmt::print("{}\n", printable(*line));
    }
  }
}

}  // namespace wiretax
