#include "report/commands/decision_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "report/commands/serving_text.h"
#include "report/units.h"

namespace wiretax {
namespace {

const Fabric& fabric_of(const Request& request, std::string_view name) {
  return *std::ranges::find(request.fabrics, name, &Fabric::name);
}

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
    if (!fabric_of(request, answer.fabric).decides()) {
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
void print_stretches(const Decision& decision, const Ink& ink) {
  if (decision.stretches.empty()) return;
  fmt::print("\n{}\n", ink.bold("The answer by batch"));
  for (std::size_t i = 0; i < decision.stretches.size();) {
    const auto& first = decision.stretches[i];
    std::vector<std::string> parts;
    for (; i < decision.stretches.size() && decision.stretches[i].model == first.model &&
           decision.stretches[i].fabric == first.fabric;
         ++i) {
      const auto& stretch = decision.stretches[i];
      parts.push_back(
          fmt::format("{} {}", batches_of(stretch), winner_in_brief(stretch.kind, stretch.winner)));
    }
    fmt::print("{} ({}): {}\n", printable(first.model), printable(first.fabric),
               fmt::join(parts, "; "));
  }
}

std::string milliseconds(double seconds) { return fmt::format("{:.2f}", seconds / kMillisecond); }

std::string microseconds(double seconds) { return fmt::format("{:.1f}", seconds / kMicrosecond); }

std::string break_even(double seconds) { return seconds > 0 ? microseconds(seconds) : "none"; }

/// The all-reduce of the row that is tensor parallelism, and its break-even.
std::vector<std::string> balance_cells(const std::vector<const Row*>& rows) {
  for (const auto* row : rows) {
    if (!row->all_reduce) continue;
    return {microseconds(row->all_reduce->time_s.mid),
            row->break_even_s ? break_even(*row->break_even_s) : "-"};
  }
  return {"-", "-"};
}

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
    const auto& fabric = fabric_of(request, row.fabric);
    // What no fabric changes need not be said once for each.
    if (fabric.name == first.name || row.parts.wire_s > 0) add_row(row, fabric, table);
  }
  fmt::print(
      "\n{}\nstep, read (weights and KV), wire, compute (beyond reading), fixed: ms, at the middle "
      "of "
      "the assumptions;\nrange: tokens/s over all assumptions.\n",
      table.text(ink));
}

std::string fabric_heading(const Fabric& fabric) {
  switch (fabric.kind) {
    case FabricKind::kPublished:
      return fmt::format("Tokens/s with the published network {}", fabric.name);
    case FabricKind::kLoopback:
    case FabricKind::kSharedMemory:
      return fmt::format("Tokens/s if '{}', measured here, were the network (it is none)",
                         fabric.name);
    case FabricKind::kHostMpi:
      return fmt::format("Tokens/s if the engine used '{}', measured here (it does not)",
                         fabric.name);
    case FabricKind::kEngine:
      return fmt::format("Tokens/s with '{}', measured here", fabric.name);
  }
  return {};
}

/// One line for each model and batch: all strategies side by side, and the answer.
void print_overview(const Fabric& fabric, const Decision& decision, const Ink& ink) {
  using enum Table::Align;
  std::vector<Table::Column> columns = {{"model", kLeft}, {"batch"}};
  std::map<std::pair<std::string, std::uint64_t>, std::vector<const Row*>> cases;
  for (const auto& row : decision.rows) {
    if (row.fabric == fabric.name) cases[{row.model + ":" + row.quant, row.batch}].push_back(&row);
  }
  for (const auto* row : cases.begin()->second) columns.push_back({row->strategy});
  for (const char* const title : {"AR us", "AR* us"}) columns.push_back({title});
  if (fabric.decides()) columns.push_back({"answer", kLeft});
  Table table(std::move(columns));
  for (std::size_t i = 0; i < decision.rows.size();) {
    const auto& first = decision.rows[i];
    const auto& rows = cases[{first.model + ":" + first.quant, first.batch}];
    i += rows.size();
    if (first.fabric != fabric.name) continue;
    std::vector<std::string> cells = {printable(first.model + ":" + first.quant),
                                      fmt::format("{}", first.batch)};
    for (const auto* row : rows) {
      cells.push_back(row->fits ? format_figures(row->tokens_per_s.mid) : "no");
    }
    for (auto& cell : balance_cells(rows)) cells.push_back(std::move(cell));
    const auto answer = std::ranges::find_if(decision.answers, [&](const Answer& candidate) {
      return candidate.model == first.model && candidate.batch == first.batch &&
             candidate.fabric == fabric.name;
    });
    if (fabric.decides()) cells.push_back(ink.bold(answer_in_brief(*answer)));
    table.add(std::move(cells));
  }
  fmt::print("\n{}\n{}", ink.bold(printable(fabric_heading(fabric))), table.text(ink));
}

void print_overviews(const Request& request, const Decision& decision, const Ink& ink) {
  for (const auto& fabric : request.fabrics) print_overview(fabric, decision, ink);
  fmt::print(
      "\ntp1: one machine; tp{0}: tensor parallelism over {0}; pp{0}: pipeline; replicas{0}: a "
      "copy each; no: not possible (--detail says why).\nAR: one all-reduce of a layer; AR*: how "
      "long it could take before the best of the other strategies is as fast as tp{0}.\n",
      request.ranks);
}

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

/// What the user would lose if NCCL took another path without a word.
void print_fallbacks(const Request& request, const Decision& decision, const Ink& ink) {
  using enum Table::Align;
  if (decision.fallbacks.empty()) return;
  Table table({{"model", kLeft},
               {"batch"},
               {"path", kLeft},
               {"tokens/s"},
               {"AR us"},
               {"AR* us"},
               {"measured by", kLeft}});
  for (const auto& fallback : decision.fallbacks) {
    const bool known = !fallback.fabric.empty();
    table.add({printable(fallback.model), fmt::format("{}", fallback.batch),
               path_in_words(fallback.path), known ? format_figures(fallback.tokens_per_s) : "-",
               known ? microseconds(fallback.all_reduce_s) : "-",
               fallback.break_even_s ? break_even(*fallback.break_even_s) : "-",
               known ? origin_of(fallback) : "not measured"});
  }
  fmt::print("\n{}\n{}",
             ink.bold(fmt::format("What a silent fallback would cost tp{}", request.ranks)),
             table.text(ink));
}

void print_assumptions(const Request& request, const Decision& decision) {
  const auto& machine = request.machine;
  const auto gibibytes = [](double bytes) { return bytes / static_cast<double>(kGibibyte); };
  const auto& efficiency = machine.efficiency;
  const auto& fixed = machine.fixed_s;
  fmt::print(
      "assumptions: {} of {} with {:.1f} GiB usable, of which {:.1f} kept free, {:.0f} GB/s "
      "and {:.0f} TFLOP/s{};\n  memory efficiency {:.2f} ({:.2f} to {:.2f}); fixed cost {:.3g} ms "
      "({:.3g} to {:.3g}); gamma {:.2g} ({:.2g} to {:.2g});\n  {} tokens of context; a measured "
      "curve within its 95 % interval, a published one x1 to x1.5;\n  strategies compared at equal "
      "assumptions.\n",
      request.ranks, machine.name, gibibytes(machine.memory_bytes),
      gibibytes(machine.reserve_bytes), machine.memory_bytes_per_s / kGigabyte,
      machine.compute_flops_per_s / 1e12, machine.compute_verified ? "" : " (unverified)",
      efficiency.mid, efficiency.low, efficiency.high, fixed.mid / kMillisecond,
      fixed.low / kMillisecond, fixed.high / kMillisecond, request.gamma.mid, request.gamma.low,
      request.gamma.high, request.context);
  print_workload(request);
  for (const auto& note : decision.notes) fmt::print("note: {}\n", printable(note));
}

}  // namespace

void print_decision(const Request& request, const Decision& decision, bool detail, const Ink& ink) {
  const bool in_full = detail || is_short(decision);
  print_sentences(request, decision, ink);
  print_overviews(request, decision, ink);
  print_serving(request, decision, ink);
  print_stretches(decision, ink);
  if (in_full) {
    print_fallbacks(request, decision, ink);
    print_rows(request, decision, ink);
  }
  print_derivations(decision, ink);
  fmt::print("\n");
  print_assumptions(request, decision);
}

}  // namespace wiretax
