#include "report/explain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "report/line_rates.h"
#include "report/strategies.h"
#include "report/units.h"

namespace wiretax {
namespace {

/// More tokens in the cache do not make a step faster: beyond this it is the run.
constexpr double kBeyondNoise = 1.03;

std::string microseconds_range(const Band& band) {
  if (band.low <= 0) return "at most " + format_seconds_roughly(band.high);
  return fmt::format("{} to {}", format_seconds_roughly(band.low),
                     format_seconds_roughly(band.high));
}

std::string rate_range(const Band& rate) {
  const auto low = fmt::format("{:.3g}", rate.low / kGigabit);
  if (std::isinf(rate.high)) return fmt::format("at least {} Gb/s", low);
  const auto high = fmt::format("{:.3g}", rate.high / kGigabit);
  return low == high ? low + " Gb/s" : fmt::format("{} to {} Gb/s", low, high);
}

std::vector<const Reading*> readings_of_the_wire(const Explanation& explanation) {
  std::vector<const Reading*> found;
  for (const auto& reading : explanation.readings) {
    if (reading.tells_of_the_wire() && !reading.at_most) found.push_back(&reading);
  }
  std::ranges::stable_sort(found, {}, [](const Reading* reading) { return reading->wire->bytes; });
  return found;
}

/// How far a time is outside of a range: as many times its nearer end, 1 inside.
double times_outside(const Band& seen, const Band& range) {
  if (seen.low > range.high) return seen.low / range.high;
  return seen.high < range.low ? seen.high / range.low : 1;
}

CurveMatch match_curve(std::span<const Reading* const> wires, const Fabric& fabric) {
  CurveMatch match{.fabric = fabric.name,
                   .published = fabric.kind == FabricKind::kPublished,
                   .path = fabric.path,
                   .least = std::numeric_limits<double>::infinity(),
                   .fastest = std::numeric_limits<double>::infinity()};
  for (const auto* reading : wires) {
    const auto& each = reading->wire->each_s;
    const auto curve = fabric.all_reduce.at(real(reading->wire->bytes));
    match.least = std::min(match.least, std::max(each.low, 0.0) / curve.time_s);
    match.most = std::max(match.most, each.high / curve.time_s);
    const double outside = times_outside(each, band_of(fabric, curve));
    match.slowest = std::max(match.slowest, outside);
    match.fastest = std::min(match.fastest, outside);
    // Where nothing may be left, half of what may be stands for the middle.
    const double middle = each.mid > 0 ? each.mid : each.high / 2;
    match.distance += std::abs(std::log(middle / curve.time_s)) / static_cast<double>(wires.size());
  }
  return match;
}

/// Those that fit first, then by distance.
std::vector<CurveMatch> match_curves(const Explanation& explanation,
                                     std::span<const Fabric> fabrics) {
  std::vector<CurveMatch> matches;
  const auto wires = readings_of_the_wire(explanation);
  for (const auto& fabric : fabrics) {
    if (wires.empty() || fabric.ranks != explanation.claim->ranks) continue;
    matches.push_back(match_curve(wires, fabric));
  }
  std::ranges::stable_sort(matches, {}, [](const CurveMatch& match) {
    return std::pair(!match.fits(), match.distance);
  });
  return matches;
}

std::vector<Prediction> predict(const Explanation& explanation) {
  std::vector<Prediction> predictions;
  auto wires = readings_of_the_wire(explanation);
  std::erase_if(wires, [](const Reading* reading) { return !reading->bounds_the_wire(); });
  if (wires.size() < 3) return predictions;
  const auto point = [](const Reading* reading) {
    const double time_s = reading->wire->each_s.mid;
    return CurvePoint{reading->wire->bytes, time_s, {time_s, time_s}};
  };
  const auto first = point(wires.front());
  const auto last = point(wires.back());
  const Curve curve({first, last});
  for (const auto* reading : wires) {
    const auto& wire = *reading->wire;
    if (wire.bytes == first.bytes || wire.bytes == last.bytes) continue;
    const double tokens = reading->seen.tokens_per_s * reading->seen_s;
    const auto rate = [&](double each_s) {
      return tokens / (wire.rest_s.mid + real(wire.count) * each_s);
    };
    const auto bytes = real(wire.bytes);
    predictions.push_back({reading->seen.name(), reading->seen.tokens_per_s,
                           rate(curve.at(bytes).time_s),
                           rate(line_through(first, last).at(bytes))});
  }
  return predictions;
}

/// A test, and one of a shorter context that is slower.
struct Disorder {
  const Observation* shallow;
  const Observation* deep;

  [[nodiscard]] double times() const { return deep->tokens_per_s / shallow->tokens_per_s; }
};

/// Of tests that differ only in depth: the pair that is furthest out of order.
std::optional<Disorder> worst_disorder(std::vector<const Observation*> tests) {
  std::ranges::stable_sort(tests, {}, &Observation::depth);
  std::optional<Disorder> worst;
  const Observation* slowest = nullptr;  // of those that are less deep
  for (auto first = tests.begin(); first != tests.end();) {
    const auto last = std::find_if(
        first, tests.end(), [&](const auto* test) { return test->depth != (*first)->depth; });
    for (auto test = first; slowest != nullptr && test != last; ++test) {
      const Disorder pair{slowest, *test};
      if (!worst || pair.times() > worst->times()) worst = pair;
    }
    for (; first != last; ++first) {
      if (slowest == nullptr || (*first)->tokens_per_s < slowest->tokens_per_s) slowest = *first;
    }
  }
  return worst && worst->times() >= kBeyondNoise ? worst : std::nullopt;
}

/// Runs in which a longer context is faster: the worst of each kind, of the worst kinds.
void note_disorder(Explanation& explanation) {
  constexpr std::size_t kMostNotes = 3;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::vector<const Observation*>> alike;
  for (const auto& reading : explanation.readings) {
    const auto& seen = reading.seen;
    if (seen.phase == Phase::kDecode) alike[{seen.concurrency, seen.generated}].push_back(&seen);
  }
  std::vector<Disorder> worst;
  for (auto& [kind, tests] : alike) {
    if (const auto pair = worst_disorder(std::move(tests))) worst.push_back(*pair);
  }
  std::ranges::stable_sort(worst, std::ranges::greater{}, &Disorder::times);
  if (worst.size() > kMostNotes) worst.resize(kMostNotes);
  for (const auto& pair : worst) {
    explanation.note(fmt::format(
        "{} is {:.0f} % faster than {}, though its cache is larger: the runs differ by at least "
        "that much",
        pair.deep->name(), 100 * (pair.times() - 1), pair.shallow->name()));
  }
}

/// The first test that does not fit into memory, and how many more.
void note_memory(const Claim& claim, Explanation& explanation) {
  const auto fabric = silent_fabric(claim.ranks);
  std::string first;
  std::size_t others = 0;
  for (const auto& seen : claim.observed) {
    const Setting setting{claim.model, claim.machine, fabric,
                          decode_step(claim.model, workload_of(claim, seen))};
    const auto plan = plan_layout(setting, claim.layout);
    if (plan.fits()) continue;
    if (!first.empty()) {
      ++others;
      continue;
    }
    first = fmt::format("by {}'s memory {} cannot run {}: {}", claim.machine.name, plan.name,
                        seen.name(), plan.reason);
  }
  if (first.empty()) return;
  explanation.note(first + (others > 0 ? fmt::format("; nor {} other tests", others) : ""));
}

/// Tests of one machine that no observation has.
void note_baseline(const Claim& claim, Explanation& explanation) {
  constexpr std::size_t kMostNames = 5;
  std::vector<std::string> names;
  std::size_t more = 0;
  for (const auto& base : claim.baseline) {
    if (std::ranges::any_of(claim.observed,
                            [&](const auto& seen) { return same_test(seen, base); }))
      continue;
    if (names.size() < kMostNames) {
      names.push_back(base.name());
    } else {
      ++more;
    }
  }
  if (names.empty()) return;
  explanation.note(fmt::format("the baseline's {}{} is not used: no such test was observed",
                               fmt::join(names, ", "),
                               more > 0 ? fmt::format(" and {} more", more) : ""));
}

/// What was not measured where the curves were read.
void note_fabrics(std::span<const Fabric> fabrics, Explanation& explanation) {
  for (const auto* reading : readings_of_the_wire(explanation)) {
    for (const auto& fabric : fabrics) {
      if (fabric.ranks != explanation.claim->ranks) continue;
      const auto time = fabric.all_reduce.at(real(reading->wire->bytes));
      const auto text = unmeasured_note("all_reduce", time);
      if (!text.empty()) explanation.note(fmt::format("{}: {}", fabric.name, text));
    }
  }
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
  const auto times = match.least <= 0 ? "up to " + most
                     : least == most  ? least
                                      : fmt::format("{} to {}", least, most);
  return fmt::format("{} times {}'s", times, match.fabric);
}

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

/// Letters that no shell reads are left as they are.
std::string shell_word(std::string_view text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:/@%";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos) {
    return std::string(text);
  }
  std::string result = "'";
  for (const char letter : text)
    result += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
  return result + "'";
}

std::string observed_text(const Claim& claim) {
  if (!claim.typed.observed.empty()) return shell_word(claim.typed.observed);
  std::vector<std::string> tests;
  for (const auto& seen : claim.observed) {
    auto name = seen.name();
    std::erase(name, ' ');
    tests.push_back(fmt::format("{}={}", name, seen.tokens_per_s));
  }
  return shell_word(fmt::format("{}", fmt::join(tests, ",")));
}

std::string model_text(const Claim& claim) {
  return shell_word(claim.typed.model.empty() ? claim.model.name : claim.typed.model);
}

/// The command again, without what is about to be changed in it.
std::string same_command(const Claim& claim) {
  auto text = fmt::format("wiretax-report explain --model {} --strategy {} --observed {}",
                          model_text(claim), strategy_name(claim.layout, claim.ranks),
                          observed_text(claim));
  for (const auto& word : claim.typed.others) text += " " + shell_word(word);
  return text;
}

/// Enough tokens a step for all tests that need more than one.
std::string next_if_impossible(const Explanation& explanation) {
  const Drafting* most = nullptr;
  for (const auto& reading : explanation.readings) {
    if (reading.possible) continue;
    if (reading.floor_s <= 0) {
      return fmt::format("measure {} again on one machine, with the same prompts, for --baseline",
                         reading.seen.name());
    }
    if (!reading.drafting)
      return "no number of drafts makes it possible: look at how it was measured";
    if (most == nullptr || reading.drafting->drafts > most->drafts ||
        (reading.drafting->drafts == most->drafts &&
         reading.drafting->tokens_per_step > most->tokens_per_step)) {
      most = &*reading.drafting;
    }
  }
  return fmt::format(
      "{} --tokens-per-step {:.2f} --drafts {}, if the engine drafts tokens and its log shows as "
      "many",
      same_command(*explanation.claim), std::ceil(most->tokens_per_step * 100) / 100, most->drafts);
}

/// All of it is what one fabric gives.
bool is_as_expected(const Explanation& explanation) {
  const auto inside = [](const Reading& reading) {
    return std::ranges::any_of(reading.expected, [&](const Expected& expected) {
      const auto& rate = expected.tokens_per_s;
      return reading.seen.tokens_per_s >= rate.low && reading.seen.tokens_per_s <= rate.high;
    });
  };
  return std::ranges::all_of(explanation.readings, inside);
}

std::string next_of(const Explanation& explanation) {
  const auto& claim = *explanation.claim;
  if (!explanation.possible()) return next_if_impossible(explanation);
  if (claim.ranks > 1 && claim.beats.empty() && is_as_expected(explanation)) {
    return fmt::format("wiretax-report decide --model {} --batch {}, for what would be faster",
                       model_text(claim), claim.observed.front().concurrency);
  }
  if (claim.ranks > 1) {
    return "on the engine: NCCL_DEBUG=INFO ... 2>&1 | tee nccl.log, then wiretax-report transport "
           "nccl.log; between the machines: ./scripts/run --hosts A,B";
  }
  return fmt::format(
      "wiretax-report calibrate --model {} --from {} -o machine.json, then decide "
      "--machine machine.json",
      model_text(claim), observed_text(claim));
}

}  // namespace

const Reading* Explanation::narrowest() const {
  const Reading* found = nullptr;
  for (const auto& reading : readings) {
    if (!reading.tells_of_the_wire()) continue;
    if (found == nullptr || reading.wire->bytes < found->wire->bytes) found = &reading;
  }
  return found;
}

const Reading* Explanation::widest() const {
  const Reading* found = nullptr;
  for (const auto& reading : readings) {
    if (!reading.tells_of_the_wire() || reading.at_most || reading.wire->bytes < kRateBytes)
      continue;
    if (found == nullptr || reading.wire->bytes > found->wire->bytes) found = &reading;
  }
  return found;
}

Fit Explanation::fit_of(std::string_view hypothesis) const {
  const auto found = std::ranges::find(hypotheses, hypothesis, &Hypothesis::id);
  return found == hypotheses.end() ? Fit::kUntold : found->fit;
}

void Explanation::note(std::string text) {
  if (std::ranges::count(notes, text) == 0) notes.push_back(std::move(text));
}

bool Explanation::possible() const { return std::ranges::all_of(readings, &Reading::possible); }

Explanation explain(const Claim& claim, std::span<const Fabric> fabrics) {
  Explanation explanation;
  explanation.claim = &claim;
  if (!claim.beats.empty()) {
    explanation.readings.push_back(
        read_order(claim, parse_layout(claim.beats), claim.observed.front()));
  } else {
    for (const auto& seen : claim.observed) {
      explanation.readings.push_back(read_observation(claim, seen, fabrics));
    }
  }
  for (const auto& note : claim.notes) explanation.note(note);
  for (const auto& reading : explanation.readings) {
    for (const auto& note : reading.notes) explanation.note(note);
  }
  explanation.matches = match_curves(explanation, fabrics);
  explanation.predictions = predict(explanation);
  note_fabrics(fabrics, explanation);
  note_disorder(explanation);
  note_memory(claim, explanation);
  note_baseline(claim, explanation);
  if (claim.layout.strategy == Strategy::kTensorParallel && explanation.possible() &&
      claim.beats.empty()) {
    explanation.hypotheses = weigh_hypotheses(explanation);
  }
  explanation.sentence = sentence_of(explanation);
  explanation.next = next_of(explanation);
  return explanation;
}

namespace {

/// Two readings, of which the smaller message takes longer.
struct Contradiction {
  const Reading* small = nullptr;
  const Reading* large = nullptr;

  [[nodiscard]] double times() const {
    return small == nullptr ? 1 : small->wire->each_s.low / large->wire->each_s.high;
  }
  [[nodiscard]] std::string text() const {
    return fmt::format(
        "one fabric cannot take at least {} for {} and at most {} for {}: the slower one lost its "
        "time elsewhere, or in another run of the fabric",
        format_seconds_roughly(small->wire->each_s.low), format_bytes(small->wire->bytes),
        format_seconds_roughly(large->wire->each_s.high), format_bytes(large->wire->bytes));
  }
};

/// Of readings of one fabric.
Contradiction worst_contradiction(std::vector<const Reading*> readings) {
  std::ranges::stable_sort(readings, {},
                           [](const Reading* reading) { return reading->wire->bytes; });
  Contradiction worst;
  const Reading* slowest = nullptr;  // of smaller messages
  for (auto first = readings.begin(); first != readings.end();) {
    const auto bytes = (*first)->wire->bytes;
    const auto last = std::find_if(first, readings.end(), [&](const Reading* reading) {
      return reading->wire->bytes != bytes;
    });
    for (auto reading = first; slowest != nullptr && reading != last; ++reading) {
      const Contradiction pair{slowest, *reading};
      if (pair.times() > worst.times()) worst = pair;
    }
    for (; first != last; ++first) {
      if ((*first)->at_most) continue;
      if (slowest == nullptr || (*first)->wire->each_s.low > slowest->wire->each_s.low) {
        slowest = *first;
      }
    }
  }
  return worst;
}

}  // namespace

std::vector<std::string> conflicts(std::span<const Explanation> explanations) {
  std::vector<std::string> found;
  std::vector<const Reading*> of_one_fabric;
  const auto judge = [&] {
    const auto worst = worst_contradiction(std::move(of_one_fabric));
    if (worst.small != nullptr) found.push_back(worst.text());
    of_one_fabric.clear();
  };
  for (const auto& explanation : explanations) {
    if (!explanation.claim->same_fabric) judge();
    for (const auto& reading : explanation.readings) {
      if (reading.tells_of_the_wire()) of_one_fabric.push_back(&reading);
    }
  }
  judge();
  return found;
}

}  // namespace wiretax
