#include "report/page/overview.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "report/page/html.h"
#include "report/units.h"

namespace wiretax {
namespace {

/// How far the winner is ahead of the best that is not its equal, in the middle of the assumptions.
std::optional<double> margin_of(const Decision& decision, const Answer& answer) {
  double winner = 0;
  double rival = 0;
  for (const auto& row : decision.rows) {
    if (row.model != answer.model || row.quant != answer.quant || row.batch != answer.batch ||
        row.fabric != answer.fabric || !row.fits) {
      continue;
    }
    auto& best = std::ranges::count(answer.winner, row.strategy) > 0 ? winner : rival;
    best = std::max(best, row.tokens_per_s.mid);
  }
  if (!(winner > 0) || !(rival > 0)) return std::nullopt;
  return winner / rival - 1;
}

std::string map_cell(const Decision& decision, const Answer& answer) {
  switch (answer.kind) {
    case AnswerKind::kClear: {
      const auto margin = margin_of(decision, answer);
      return fmt::format("<td class=clear><b>{}</b>{}",
                         html_text(fmt::format("{}", fmt::join(answer.winner, " = "))),
                         margin ? fmt::format(" <span>{:+.0f} %</span>", 100 * *margin) : "");
    }
    case AnswerKind::kTooClose:
      return fmt::format("<td class=close>too close <span>{}</span>",
                         html_text(fmt::format("{}", fmt::join(answer.contenders, " or "))));
    case AnswerKind::kNothingFits:
      return "<td class=none>nothing fits";
    case AnswerKind::kNotANetwork:
    case AnswerKind::kNotYourEnginesPath:
      break;
  }
  return "<td>";
}

/// Answers of one model on one fabric, by batch.
std::string map_row(const DecidedContext& at, const Model& model, const Fabric& fabric) {
  std::string row;
  for (const auto batch : at.request.batches) {
    const auto found = std::ranges::find_if(at.decision.answers, [&](const Answer& answer) {
      return answer.model == model.name && answer.quant == model.quant.name &&
             answer.batch == batch && answer.fabric == fabric.name;
    });
    row += found == at.decision.answers.end() ? "<td>" : map_cell(at.decision, *found);
  }
  return row;
}

std::string milliseconds(double seconds) { return fmt::format("{:.3g}", seconds / kMillisecond); }

std::string microseconds_of(double seconds) {
  return fmt::format("{:.3g}", seconds / kMicrosecond);
}

std::vector<std::string> strategy_cells(const Row& row) {
  std::vector<std::string> cells = {fmt::format("{}:{}", row.model, row.quant),
                                    fmt::format("{}", row.batch), fmt::format("{}", row.context),
                                    row.strategy};
  if (!row.fits) {
    cells.push_back(row.reason);
    return cells;
  }
  for (const double rate : {row.tokens_per_s.low, row.tokens_per_s.mid, row.tokens_per_s.high}) {
    cells.push_back(format_figures(rate));
  }
  cells.push_back(milliseconds(row.step_s.mid));
  const auto& parts = row.parts;
  for (const double part :
       {parts.weights_s, parts.kv_s, parts.wire_s, parts.compute_s, parts.fixed_s}) {
    cells.push_back(milliseconds(part));
  }
  cells.push_back(row.all_reduce ? microseconds_of(row.all_reduce->time_s.mid) : "");
  cells.push_back(!row.break_even_s       ? ""
                  : *row.break_even_s > 0 ? microseconds_of(*row.break_even_s)
                                          : "never");
  return cells;
}

}  // namespace

std::string map_html(const DecidedContext& at, const Fabric& fabric,
                     const std::string& attributes) {
  const auto caption =
      fmt::format("Who wins with {}, {} tokens of context", fabric.name, at.request.context);
  auto html = fmt::format(
      "<div class=scroll tabindex=0 role=group aria-label=\"{0}\" {1}><table class=map>"
      "<caption>{0}</caption><thead><tr><th scope=col>model",
      html_text(caption), attributes);
  for (const auto batch : at.request.batches) html += fmt::format("<th scope=col>batch {}", batch);
  html += "</thead><tbody>\n";
  for (const auto& model : at.request.models) {
    html += fmt::format("<tr><th scope=row>{}{}\n",
                        html_text(fmt::format("{}:{}", model.name, model.quant.name)),
                        map_row(at, model, fabric));
  }
  return html + "</tbody></table></div>\n";
}

Table answers_table(const PageRun& run) {
  using enum Table::Align;
  Table table({{"model", kLeft}, {"batch"}, {"context"}, {"network", kLeft}, {"answer", kLeft}});
  for (const auto& at : run.decided) {
    for (const auto& answer : at.decision.answers) {
      if (!at.request.fabric(answer.fabric).decides()) continue;
      table.add({fmt::format("{}:{}", answer.model, answer.quant), fmt::format("{}", answer.batch),
                 fmt::format("{}", answer.context), answer.fabric, answer.sentence});
    }
  }
  return table;
}

Table strategies_table(const PageRun& run, std::string_view fabric) {
  using enum Table::Align;
  Table table({{"model", kLeft},
               {"batch"},
               {"context"},
               {"strategy", kLeft},
               {"tokens/s from"},
               {"tokens/s"},
               {"to"},
               {"step ms"},
               {"weights ms"},
               {"KV ms"},
               {"wire ms"},
               {"compute ms"},
               {"fixed ms"},
               {"all-reduce us"},
               {"break-even us"}});
  for (const auto& at : run.decided) {
    for (const auto& row : at.decision.rows) {
      if (row.fabric == fabric) table.add(strategy_cells(row));
    }
  }
  return table;
}

Table stretches_table(const PageRun& run) {
  using enum Table::Align;
  Table table({{"model", kLeft},
               {"context"},
               {"network", kLeft},
               {"from batch"},
               {"to batch"},
               {"answer", kLeft}});
  for (const auto& at : run.decided) {
    for (const auto& stretch : at.decision.stretches) {
      const bool clear = stretch.kind == AnswerKind::kClear;
      const bool fits = stretch.kind != AnswerKind::kNothingFits;
      table.add({fmt::format("{}:{}", stretch.model, stretch.quant),
                 fmt::format("{}", at.request.context), stretch.fabric,
                 fmt::format("{}", stretch.from_batch), fmt::format("{}", stretch.to_batch),
                 clear  ? fmt::format("{}", fmt::join(stretch.winner, " = "))
                 : fits ? "too close"
                        : "nothing fits"});
    }
  }
  return table;
}

}  // namespace wiretax
