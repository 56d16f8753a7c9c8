#include "report/commands/explanation_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "report/explain/line_rates.h"
#include "report/strategies.h"
#include "report/units.h"

namespace wiretax {
namespace {

using enum Table::Align;

/// "0.27 to 0.55 ms"; what is below 0 is none.
std::string each_text(const Reading& reading) {
  const auto& each = reading.wire->each_s;
  if (each.high <= 0) return "none left";
  if (reading.at_most) {
    return fmt::format("at most {} to {}", format_seconds_roughly(std::max(each.low, 0.0)),
                       format_seconds_roughly(each.high));
  }
  if (each.low <= 0) return "up to " + format_seconds_roughly(each.high);
  return fmt::format("{} ({} to {})", format_seconds_roughly(each.mid),
                     format_seconds_roughly(each.low), format_seconds_roughly(each.high));
}

std::string link_text(const Reading& reading) {
  if (!reading.tells_of_the_wire() || reading.at_most || reading.wire->bytes < kRateBytes) {
    return "-";
  }
  const auto rate = reading.wire->link_bytes_per_s();
  if (std::isinf(rate.high)) return fmt::format("at least {:.3g}", rate.low / kGigabit);
  return fmt::format("{:.3g} ({:.3g} to {:.3g})", rate.mid / kGigabit, rate.low / kGigabit,
                     rate.high / kGigabit);
}

std::string expected_text(const Reading& reading, std::string_view fabric) {
  const auto found = std::ranges::find(reading.expected, fabric, &Expected::fabric);
  if (found == reading.expected.end()) return "-";
  const auto& rate = found->tokens_per_s;
  return format_range(format_roughly(rate.low), format_roughly(rate.high));
}

/// A column for each, the nearest first: more than a few would not fit.
std::vector<std::string> expected_fabrics(const Explanation& explanation) {
  constexpr std::size_t kMostColumns = 3;
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    const bool expected = std::ranges::any_of(explanation.readings, [&](const Reading& reading) {
      return std::ranges::count(reading.expected, name, &Expected::fabric) > 0;
    });
    const bool fresh = std::ranges::count(names, name) == 0;
    if (expected && fresh && names.size() < kMostColumns) names.push_back(name);
  };
  for (const auto& match : explanation.matches) add(match.fabric);
  for (const auto& reading : explanation.readings) {
    for (const auto& expected : reading.expected) {
      if (names.size() < kMostColumns) add(expected.fabric);
    }
  }
  return names;
}

std::string ceiling_text(const Reading& reading) {
  return reading.floor_s > 0 ? fmt::format("{:.4g}", reading.ceiling_tokens_per_s()) : "-";
}

std::string readings_text(const Explanation& explanation, const Ink& ink) {
  const auto fabrics = expected_fabrics(explanation);
  std::vector<Table::Column> columns = {{"test", kLeft}, {"tokens/s"}, {"at most"}};
  for (const auto& fabric : fabrics) columns.push_back({"with " + printable(fabric)});
  for (const auto* const title : {"step or prompt", "all-reduces", "of", "take each", "Gb/s"}) {
    columns.push_back({title});
  }
  Table table(columns);
  for (const auto& reading : explanation.readings) {
    std::vector<std::string> cells = {
        reading.seen.name(), reading.at_most ? "-" : format_figures(reading.seen.tokens_per_s),
        ceiling_text(reading)};
    for (const auto& fabric : fabrics) cells.push_back(expected_text(reading, fabric));
    cells.push_back(reading.seen_s > 0 ? format_seconds(reading.seen_s) : "-");
    if (!reading.possible) {
      cells.emplace_back(ink.bad("not possible"));
    } else if (reading.wire) {
      cells.push_back(fmt::format("{}", reading.wire->count));
      cells.push_back(format_bytes(reading.wire->bytes));
      cells.push_back(each_text(reading));
      cells.push_back(link_text(reading));
    }
    table.add(std::move(cells));
  }
  return table.text(ink);
}

std::string remarks_text(const Explanation& explanation) {
  std::string text;
  for (const auto& reading : explanation.readings) {
    if (!reading.cannot.empty()) {
      text += fmt::format("{}: {}.\n", reading.seen.name(), printable(reading.cannot));
    }
    if (!reading.possible && reading.needed_tokens_per_step > 0) {
      text += fmt::format(
          "{}: needs at least {:.3g} tokens a step of each sequence{}, or {:.0f} GB/s of memory on "
          "each machine.\n",
          reading.seen.name(), reading.needed_tokens_per_step,
          reading.drafting
              ? fmt::format(" ({:.3g} with what {} drafts read)", reading.drafting->tokens_per_step,
                            reading.drafting->drafts)
              : "",
          reading.needed_bytes_per_s / kGigabyte);
    }
  }
  for (const auto& note : explanation.notes) text += fmt::format("note: {}.\n", printable(note));
  return text;
}

std::string matches_text(const Explanation& explanation) {
  std::string text;
  for (const auto& match : explanation.matches) {
    text += fmt::format("against {}{}: {:.2g} to {:.2g} times its all-reduces\n",
                        printable(match.fabric), match.published ? " (published)" : " (measured)",
                        match.least, match.most);
  }
  if (const auto* const wide = explanation.widest()) {
    const auto nearest = nearest_line_rate(wide->wire->link_bytes_per_s());
    text += fmt::format("nearest line rate: {} ({}), {:.2f} times it\n", nearest.line->name,
                        nearest.line->source, nearest.factor);
  }
  return text.empty() ? text : "\n" + text;
}

std::string predictions_text(const Explanation& explanation, const Ink& ink) {
  if (explanation.predictions.empty()) return {};
  Table table({{"test", kLeft}, {"seen"}, {"log-log"}, {"off"}, {"a line"}, {"off"}});
  const auto off = [](double predicted, double seen) {
    return fmt::format("{:+.0f} %", 100 * (predicted / seen - 1));
  };
  for (const auto& row : explanation.predictions) {
    table.add({row.name, format_figures(row.seen), format_figures(row.log_log),
               off(row.log_log, row.seen), format_figures(row.line), off(row.line, row.seen)});
  }
  return fmt::format("\n{}\n{}",
                     ink.bold("Only from the smallest and the largest message, in tokens/s"),
                     table.text(ink));
}

std::string hypotheses_text(const Explanation& explanation, const Ink& ink) {
  if (explanation.hypotheses.empty()) return {};
  std::string text = fmt::format("\n{}\n", ink.bold("What it could be"));
  for (const auto& h : explanation.hypotheses) {
    text += fmt::format("{} {}: {}{}{}\n    confirms: {}\n    refutes:  {}\n", h.id, h.what,
                        ink.bold(fit_name(h.fit)), h.because.empty() ? "" : "; ", h.because,
                        h.confirm, h.refute);
  }
  return text;
}

std::string band_text(const Band& band, double unit) {
  return fmt::format("{:.3g} ({:.3g} to {:.3g})", band.mid / unit, band.low / unit,
                     band.high / unit);
}

std::string assumptions_text(const Explanation& explanation) {
  const auto& claim = *explanation.claim;
  const auto& machine = claim.machine;
  auto text =
      fmt::format("\nassumptions: {} of {}, {:.0f} GB/s; memory efficiency {}; fixed cost {} ms",
                  claim.ranks, printable(machine.name), machine.memory_bytes_per_s / kGigabyte,
                  band_text(machine.efficiency, 1), band_text(machine.fixed_s, kMillisecond));
  if (claim.model.is_moe()) text += "; gamma " + band_text(claim.gamma, 1);
  text += fmt::format("; {:.3g} token{} a step; {} tokens of context where a test does not tell.\n",
                      claim.tokens_per_step, claim.tokens_per_step == 1 ? "" : "s", claim.context);
  std::map<std::string, std::vector<std::string>> rests;
  for (const auto& reading : explanation.readings) {
    if (reading.wire) rests[reading.rest_from].push_back(reading.seen.name());
  }
  for (const auto& [from, tests] : rests) {
    text += fmt::format("  {}: the rest of the time is from {}.\n", fmt::join(tests, ", "), from);
  }
  text += "  Logits are counted with the all-reduces. A published curve counts x1 to x1.5.\n";
  return text;
}

}  // namespace

std::string explanation_text(const Explanation& explanation, const Ink& ink) {
  const auto& claim = *explanation.claim;
  auto text = claim.title.empty() ? std::string{} : printable(claim.title) + "\n";
  text += ink.bold(printable(explanation.sentence)) + "\n\n";
  text += readings_text(explanation, ink);
  text += remarks_text(explanation);
  text += matches_text(explanation);
  text += predictions_text(explanation, ink);
  text += hypotheses_text(explanation, ink);
  text += assumptions_text(explanation);
  return text + fmt::format("next: {}\n", printable(explanation.next));
}

}  // namespace wiretax
