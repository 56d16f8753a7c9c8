#include "report/commands/decision_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "report/assumptions.h"
#include "report/commands/detail_text.h"
#include "report/commands/serving_text.h"
#include "report/units.h"

namespace wiretax {
namespace {

/// So few answers that each is worth its sentence and its parts.
bool is_short(const Decision& decision) {
  constexpr std::size_t kFew = 3;
  return decision.answers.size() <= kFew;
}

std::string winner_in_brief(AnswerKind kind, const std::vector<std::string>& winner) {
  switch (kind) {
    case AnswerKind::kClear:
      return fmt::format("{}", fmt::join(winner, " = "));
    case AnswerKind::kTooClose:
      return "too close";
    case AnswerKind::kNotANetwork:
    case AnswerKind::kNotYourEnginesPath:
      return "";
    case AnswerKind::kNothingFits:
      return "nothing fits";
  }
  return {};
}

std::string answer_in_brief(const Answer& answer) {
  auto brief = winner_in_brief(answer.kind, answer.winner);
  if (answer.contenders.empty()) return brief;
  return fmt::format("{}: {}", brief, fmt::join(answer.contenders, " or "));
}

/// "With dgx-spark-roce: tp2 for 11 of 12, too close for 1."
void print_tally(const Fabric& fabric, const Decision& decision, const Ink& ink) {
  std::map<std::string, int> tally;
  int all = 0;
  for (const auto& answer : decision.answers) {
    if (answer.fabric != fabric.name) continue;
    ++tally[winner_in_brief(answer.kind, answer.winner)];
    ++all;
  }
  std::vector<std::pair<int, std::string>> by_count;
  by_count.reserve(tally.size());
  for (const auto& [brief, count] : tally) by_count.emplace_back(count, brief);
  std::ranges::sort(by_count, std::greater<>());
  std::vector<std::string> parts;
  parts.reserve(by_count.size());
  for (const auto& [count, brief] : by_count) {
    parts.push_back(fmt::format("{} for {} of {}", brief, count, all));
  }
  fmt::print("{}: {} models and batches.\n", ink.bold("With " + printable(fabric.name)),
             fmt::join(parts, ", "));
}

void print_sentence(const Answer& answer, const Ink& ink) {
  const auto text = printable(answer.sentence);
  const auto heading = text.find(": ");
  fmt::print("{}{}\n", ink.bold(text.substr(0, heading)), text.substr(heading));
}

/// The answers: in words where there are few, counted where there are many; then, once each, why a
/// fabric cannot give one.
void print_sentences(const Request& request, const Decision& decision, const Ink& ink) {
  std::set<std::string> refusals;
  if (!request.unusable.empty()) {
    fmt::print("{} The published figures below are all there is.\n", printable(request.unusable));
  }
  for (const auto& answer : decision.answers) {
    if (!request.fabric(answer.fabric).decides()) {
      refusals.insert(printable(answer.sentence));
    } else if (is_short(decision)) {
      print_sentence(answer, ink);
    }
  }
  for (const auto& fabric : request.fabrics) {
    if (fabric.decides() && !is_short(decision)) print_tally(fabric, decision, ink);
  }
  for (const auto& refusal : refusals) fmt::print("{}\n", refusal);
}

std::string batches_of(const Stretch& stretch) {
  return stretch.from_batch == stretch.to_batch
             ? fmt::format("{}", stretch.from_batch)
             : fmt::format("{} to {}", stretch.from_batch, stretch.to_batch);
}

/// At which batch the answer changes: a line for each model and fabric.
void print_stretches(const Request& request, const Decision& decision, const Ink& ink) {
  if (decision.stretches.empty()) return;
  fmt::print("\n{}\n",
             ink.bold(request.judges_requests() ? "The answer by batch, for whole requests"
                                                : "The answer by batch"));
  for (std::size_t i = 0; i < decision.stretches.size();) {
    const auto& first = decision.stretches[i];
    std::vector<std::string> parts;
    do {
      const auto& stretch = decision.stretches[i++];
      parts.push_back(
          fmt::format("{} {}", batches_of(stretch), winner_in_brief(stretch.kind, stretch.winner)));
    } while (i < decision.stretches.size() && decision.stretches[i].from_batch > 1);
    fmt::print("{} ({}): {}\n", printable(first.model + ":" + first.quant), printable(first.fabric),
               fmt::join(parts, "; "));
  }
}

/// The all-reduce of the row that is tensor parallelism, and its break-even.
std::vector<std::string> balance_cells(const std::vector<const Row*>& rows) {
  for (const auto* row : rows) {
    if (!row->all_reduce) continue;
    return {microseconds(row->all_reduce->time_s.mid),
            row->break_even_s ? break_even(*row->break_even_s) : "-"};
  }
  return {"-", "-"};
}

std::string network_in_words(const Fabric& fabric) {
  const auto by = fabric.measured_by.empty() ? std::string("measured here")
                                             : "measured by " + fabric.measured_by;
  switch (fabric.kind) {
    case FabricKind::kPublished:
      return fmt::format("with the published network {}", fabric.name);
    case FabricKind::kLoopback:
    case FabricKind::kSharedMemory:
      return fmt::format("if '{}', {}, were the network (it is none)", fabric.name, by);
    case FabricKind::kHostMpi:
      return fmt::format("if the engine used '{}', {} (it does not)", fabric.name, by);
    case FabricKind::kFloor:
      return fmt::format("if the engine were as fast as '{}', {} (none is)", fabric.name, by);
    case FabricKind::kEngine:
      return fmt::format("with '{}', {}", fabric.name, by);
  }
  return {};
}

std::string overview_heading(const Request& request, const Fabric& fabric) {
  return fmt::format(
      "{} {}{}", request.shape ? "Tokens/s of decoding" : "Tokens/s", network_in_words(fabric),
      fabric.decides() && request.judges_requests() ? "; the answer is for whole requests" : "");
}

std::vector<const Row*> rows_of(const Decision& decision, const Answer& answer) {
  std::vector<const Row*> rows;
  for (const auto& row : decision.rows) {
    if (row.model == answer.model && row.quant == answer.quant && row.batch == answer.batch &&
        row.fabric == answer.fabric) {
      rows.push_back(&row);
    }
  }
  return rows;
}

/// All strategies side by side.
std::vector<std::string> overview_cells(const std::vector<const Row*>& rows) {
  const auto& first = *rows.front();
  std::vector<std::string> cells = {printable(first.model + ":" + first.quant),
                                    fmt::format("{}", first.batch)};
  for (const auto* row : rows) {
    cells.push_back(row->fits ? format_figures(row->tokens_per_s.mid) : "no");
  }
  for (auto& cell : balance_cells(rows)) cells.push_back(std::move(cell));
  return cells;
}

/// One line for each model and batch.
void print_overview(const Request& request, const Fabric& fabric, const Decision& decision,
                    const Ink& ink) {
  using enum Table::Align;
  std::vector<Table::Column> columns = {{"model", kLeft}, {"batch"}};
  for (const auto* row : rows_of(decision, decision.answers.front())) {
    columns.push_back({row->strategy});
  }
  for (const char* const title : {"AR us", "AR* us"}) columns.push_back({title});
  if (fabric.decides()) columns.push_back({"answer", kLeft});
  Table table(std::move(columns));
  for (const auto& answer : decision.answers) {
    if (answer.fabric != fabric.name) continue;
    auto cells = overview_cells(rows_of(decision, answer));
    if (fabric.decides()) cells.push_back(ink.bold(answer_in_brief(answer)));
    table.add(std::move(cells));
  }
  fmt::print("\n{}\n{}", ink.bold(printable(overview_heading(request, fabric))), table.text(ink));
}

void print_overviews(const Request& request, const Decision& decision, const Ink& ink) {
  for (const auto& fabric : request.fabrics) print_overview(request, fabric, decision, ink);
  fmt::print(
      "\ntp1: one machine; tp{0}: tensor parallelism over {0}; pp{0}: pipeline; replicas{0}: a "
      "copy each; no: not possible (--detail says why).\nAR: one all-reduce of a layer; AR*: how "
      "long it could take before the best of the other strategies is as fast as tp{0}.\n",
      request.ranks);
}

}  // namespace

void print_decision(const Request& request, const Decision& decision, bool detail, const Ink& ink) {
  const bool in_full = detail || is_short(decision);
  print_sentences(request, decision, ink);
  print_overviews(request, decision, ink);
  print_serving(request, decision, ink);
  print_stretches(request, decision, ink);
  if (in_full) {
    print_fallbacks(request, decision, ink);
    print_rows(request, decision, ink);
  }
  print_derivations(decision, ink);
  fmt::print("\n");
  fmt::print("{}", assumptions_text(request));
  for (const auto& note : decision.notes) fmt::print("note: {}\n", printable(note));
}

}  // namespace wiretax
