#include "report/commands/decision_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

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

/// Every answer in words; then, once each, why a fabric cannot give one.
void print_sentences(const Request& request, const Decision& decision, const Ink& ink) {
  std::set<std::string> refusals;
  fmt::print("\n");
  for (const auto& answer : decision.answers) {
    const auto text = printable(answer.sentence);
    if (!fabric_of(request, answer.fabric).decides()) {
      refusals.insert(text);
      continue;
    }
    if (!is_short(decision)) continue;
    const auto heading = text.find(": ");
    fmt::print("{}{}\n", ink.bold(text.substr(0, heading)), text.substr(heading));
  }
  for (const auto& refusal : refusals) fmt::print("{}\n", refusal);
}

std::string milliseconds(double seconds) { return fmt::format("{:.2f}", seconds / kMillisecond); }

std::string microseconds(double seconds) { return fmt::format("{:.1f}", seconds / kMicrosecond); }

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
  cells.push_back(all_reduce ? microseconds(all_reduce->break_even_s) : "");
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
  for (const auto& row : decision.rows) {
    const auto& fabric = fabric_of(request, row.fabric);
    // What no fabric changes need not be said once for each.
    if (fabric.decides() || row.parts.wire_s > 0) add_row(row, fabric, table);
  }
  fmt::print(
      "\n{}\nstep, read (weights and KV), wire, compute (beyond reading), fixed: ms, at the middle "
      "of "
      "the assumptions;\nrange: tokens/s over all assumptions.\n",
      table.text(ink));
}

std::string answer_in_brief(const Answer& answer) {
  switch (answer.kind) {
    case AnswerKind::kClear:
      return fmt::format("{}", fmt::join(answer.winner, " = "));
    case AnswerKind::kTooClose:
      return "too close: " + printable(answer.flips_on);
    case AnswerKind::kNotANetwork:
    case AnswerKind::kNotYourEnginesPath:
      return "";
    case AnswerKind::kNothingFits:
      return "nothing fits";
  }
  return {};
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
  columns.push_back({"answer", kLeft});
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
    for (const auto* row : rows) {
      if (!row->all_reduce) continue;
      cells.push_back(microseconds(row->all_reduce->time_s.mid));
      cells.push_back(microseconds(row->all_reduce->break_even_s));
    }
    const auto answer = std::ranges::find_if(decision.answers, [&](const Answer& candidate) {
      return candidate.model == first.model && candidate.batch == first.batch &&
             candidate.fabric == fabric.name;
    });
    cells.push_back(ink.bold(answer_in_brief(*answer)));
    table.add(std::move(cells));
  }
  fmt::print("\n{}\n{}", ink.bold(printable(fabric_heading(fabric))), table.text(ink));
}

/// Fabrics that name no winner first, so that the answer is what is read last.
void print_overviews(const Request& request, const Decision& decision, const Ink& ink) {
  auto fabrics = request.fabrics;
  std::ranges::stable_sort(fabrics, {}, &Fabric::decides);
  for (const auto& fabric : fabrics) print_overview(fabric, decision, ink);
  fmt::print(
      "\ntp1: one machine; tp{0}: tensor parallelism over {0}; pp{0}: pipeline; replicas{0}: a "
      "copy "
      "each; no: does not fit (--detail says why).\nAR: one all-reduce of a layer; AR*: how long "
      "it "
      "could take before one machine (fitting or not) is as fast.\n",
      request.ranks);
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
  for (const auto& note : decision.notes) fmt::print("note: {}\n", printable(note));
}

}  // namespace

void print_decision(const Request& request, const Decision& decision, bool detail, const Ink& ink) {
  if (detail || is_short(decision)) print_rows(request, decision, ink);
  print_overviews(request, decision, ink);
  print_assumptions(request, decision);
  print_sentences(request, decision, ink);
}

}  // namespace wiretax
