#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "report/explain/line_rates.h"
#include "report/explain/parts.h"
#include "report/strategies.h"
#include "report/units.h"

namespace wiretax {
namespace {

std::string microseconds_range(const Band& band) {
  if (band.low <= 0) return "at most " + format_seconds_roughly(band.high);
  return format_range(format_seconds_roughly(band.low), format_seconds_roughly(band.high));
}

std::string rate_range(const Band& rate) {
  const auto low = fmt::format("{:.3g}", rate.low / kGigabit);
  if (std::isinf(rate.high)) return fmt::format("at least {} Gb/s", low);
  const auto high = fmt::format("{:.3g}", rate.high / kGigabit);
  return format_range(low, high) + " Gb/s";
}

std::string claim_name(const Claim& claim) {
  return fmt::format("{} as {}", claim.model.name, strategy_name(claim.layout, claim.ranks));
}

std::string drafting_text(const Reading& reading) {
  if (!reading.drafting) return " (and what drafting them reads is more than it saves)";
  return fmt::format(" ({:.3g} with what {} draft{} read{})", reading.drafting->tokens_per_step,
                     reading.drafting->drafts, reading.drafting->drafts == 1 ? "" : "s",
                     reading.drafting->drafts == 1 ? "s" : "");
}

std::string impossible_sentence(const Claim& claim, const Reading& reading) {
  if (reading.floor_s <= 0) {
    return fmt::format("{}: {} is not possible: {}.", claim_name(claim), reading.seen.name(),
                       reading.cannot);
  }
  return fmt::format(
      "{}: {}={} is not possible with {:.3g} token{} a step: at all of {:.0f} GB/s it is {:.4g} "
      "tokens/s. It needs at least {:.3g} tokens a step{}, or {:.0f} GB/s.",
      claim_name(claim), reading.seen.name(), format_figures(reading.seen.tokens_per_s),
      claim.tokens_per_step, claim.tokens_per_step == 1 ? "" : "s",
      claim.machine.memory_bytes_per_s / kGigabyte, reading.ceiling_tokens_per_s(),
      reading.needed_tokens_per_step, drafting_text(reading),
      reading.needed_bytes_per_s / kGigabyte);
}

/// "pp512 moves at 9.38 to 10.4 Gb/s, nearest to 10 GbE (9.41 Gb/s)".
std::string rate_sentence(const Reading& reading) {
  const auto rate = reading.wire->link_bytes_per_s();
  const auto nearest = nearest_line_rate(rate);
  return fmt::format("; {} moves at {}, nearest to {} ({:.3g} Gb/s)", reading.seen.name(),
                     rate_range(rate), nearest.line->name,
                     nearest.line->high_bytes_per_s / kGigabit);
}

/// Says nothing that the hypotheses do not.
std::string probably(const Explanation& explanation) {
  const auto tcp = explanation.fit_of("H1");
  if (explanation.fit_of("healthy") == Fit::kConsistent) {
    return tcp == Fit::kConsistent ? " RDMA as published fits it, and so does TCP."
                                   : " RDMA as published fits it.";
  }
  const auto* const wide = explanation.widest();
  if (wide == nullptr) return {};
  const auto kind = nearest_line_rate(wide->wire->link_bytes_per_s()).line->kind;
  if (tcp == Fit::kConsistent) {
    return kind == LinkKind::kDegraded ? " Either TCP, or a card in its degraded state."
                                       : " It probably ran over TCP, not RDMA.";
  }
  const bool rdma = tcp == Fit::kRefuted && kind == LinkKind::kRdma;
  return rdma ? " It probably ran over RDMA." : "";
}

/// With the nearest curve, and with RDMA as published.
std::string expectation(const Explanation& explanation) {
  const auto* const nearest =
      explanation.matches.empty() ? nullptr : &explanation.matches.front().fabric;
  for (const auto& reading : explanation.readings) {
    if (reading.seen.phase != Phase::kDecode || reading.expected.empty()) continue;
    std::vector<std::string> parts;
    for (const auto& expected : reading.expected) {
      const bool named = expected.published || (nearest != nullptr && expected.fabric == *nearest);
      if (!named) continue;
      parts.push_back(fmt::format("With {} expect {} to {} tokens/s at {}.", expected.fabric,
                                  format_roughly(expected.tokens_per_s.low),
                                  format_roughly(expected.tokens_per_s.high), reading.seen.name()));
    }
    return parts.empty() ? "" : fmt::format(" {}", fmt::join(parts, " "));
  }
  return {};
}

/// "5.4 to 19 times dgx-spark-roce's".
std::string match_text(const CurveMatch& match) {
  const auto least = format_roughly(match.least);
  const auto most = format_roughly(match.most);
  const auto times = match.least <= 0 ? "up to " + most : format_range(least, most);
  return fmt::format("{} times {}'s", times, match.fabric);
}

}  // namespace

std::string sentence_of(const Explanation& explanation) {
  const auto& claim = *explanation.claim;
  for (const auto& reading : explanation.readings) {
    if (!reading.possible) return impossible_sentence(claim, reading);
  }
  auto text = claim_name(claim) + ": possible";
  const auto* const narrow = explanation.narrowest();
  if (narrow != nullptr) {
    text += fmt::format("; an all-reduce of {} takes {}{}", format_bytes(narrow->wire->bytes),
                        narrow->at_most ? "at most " : "",
                        narrow->at_most ? format_seconds_roughly(narrow->wire->each_s.high)
                                        : microseconds_range(narrow->wire->each_s));
    if (!explanation.matches.empty()) {
      text += fmt::format(", {} over all sizes", match_text(explanation.matches.front()));
    }
  }
  if (const auto* const wide = explanation.widest()) text += rate_sentence(*wide);
  return text + "." + probably(explanation) + expectation(explanation);
}

}  // namespace wiretax
