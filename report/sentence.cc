// The answer in plain words.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "report/case.h"
#include "report/units.h"

namespace wiretax {
namespace {

/// "Qwen3-32B (fp8), batch 8", and what else tells this answer from the others.
std::string heading(const Case& at) {
  return fmt::format("{} ({}), batch {}{}{}", at.model.name, at.model.quant.name, at.workload.batch,
                     at.about.empty() ? "" : ", " + at.about,
                     at.one_of_several ? fmt::format(", with {}", at.fabric.name) : "");
}

std::string words_of(const Case& at, std::size_t running) {
  return strategy_in_words(at.plan(running), at.workload.ranks);
}

/// "TP=2", or "one machine, the same within 2 % as 2 replicas and PP=2".
std::string group_in_words(const Case& at, const Comparison& comparison) {
  auto words = words_of(at, comparison.group.front());
  std::vector<std::string> equals;
  for (const auto member : comparison.group) equals.push_back(words_of(at, member));
  if (equals.size() < 2) return words;
  return fmt::format("{}, the same within 2 % as {}", words,
                     fmt::join(equals.begin() + 1, equals.end(), " and "));
}

std::string_view unit(const Case& at) { return at.whole_requests ? "output tokens/s" : "tokens/s"; }

std::string range(const Band& rate) {
  const auto low = format_roughly(rate.low);
  const auto high = format_roughly(rate.high);
  return low == high ? low : fmt::format("{} to {}", low, high);
}

std::string all_reduce_in_words(const Case& at, const Outcome& outcome,
                                const AllReduceBalance& balance) {
  const auto point = tipping_point(at, balance);
  if (!point) return {};
  const auto tensor = words_of(at, point->tensor);
  const auto rival = words_of(at, point->rival);
  if (point->limit_s <= 0) {
    return fmt::format("; no all-reduce is fast enough for {} to beat {}", tensor, rival);
  }
  const auto* const source = balance.range != CurveRange::kMeasured     ? "not measured, taken as"
                             : at.fabric.kind == FabricKind::kPublished ? "published"
                                                                        : "measured";
  const auto size = format_bytes(balance.bytes);
  const auto limit = format_seconds_roughly(point->limit_s);
  const auto time = format_seconds_roughly(balance.time_s.mid);
  const bool wins = std::ranges::count(outcome.winner, at.plan(point->tensor).name) > 0;
  const auto claim = wins           ? std::string("holds while")
                     : point->ahead ? fmt::format("{} is ahead of {} while", tensor, rival)
                                    : fmt::format("{} would beat {} if", tensor, rival);
  return fmt::format("; {} the all-reduce of {} {} under about {}, {} {}", claim, size,
                     wins || point->ahead ? "stays" : "were", limit, source, time);
}

std::string clear_sentence(const Case& at, const Comparison& comparison) {
  auto text = fmt::format("{}: {}, {} {}", heading(at), group_in_words(at, comparison),
                          range(at.rate(comparison.group.front())), unit(at));
  if (comparison.others.empty()) {
    return text + (at.running.size() == 1 ? "; nothing else fits" : "");
  }
  const auto next = comparison.others.front();
  return text + fmt::format(" against {} with {}", range(at.rate(next)), words_of(at, next));
}

std::string close_sentence(const Case& at, const Comparison& comparison,
                           std::string_view flips_on) {
  const auto leader = comparison.group.front();
  const auto other = *comparison.challenger;
  const auto flip = flips_on.empty() ? std::string("they are equal")
                                     : fmt::format("{} would change the order", flips_on);
  return fmt::format("{}: too close to call between {}, {} {}, and {}, {}; {}", heading(at),
                     words_of(at, leader), range(at.rate(leader)), unit(at), words_of(at, other),
                     range(at.rate(other)), flip);
}

std::string nothing_fits_sentence(const Case& at) {
  std::vector<std::string> reasons;
  for (const auto& plan : at.plans) reasons.push_back(plan.name + ": " + plan.reason);
  return fmt::format("{}: nothing fits. {}.", heading(at), fmt::join(reasons, "; "));
}

}  // namespace

std::string strategy_in_words(const Plan& plan, std::uint64_t ranks) {
  switch (plan.strategy) {
    case Strategy::kSingle:
      return "one machine";
    case Strategy::kTensorParallel:
      return fmt::format("TP={}", ranks);
    case Strategy::kPipeline:
      return fmt::format("PP={}", ranks);
    case Strategy::kReplicas:
      return fmt::format("{} replicas", ranks);
    case Strategy::kTensorPipeline:
      return fmt::format("TP={} x PP={}", plan.layout.group, ranks / plan.layout.group);
    case Strategy::kSequenceParallel:
      return fmt::format("TP={} with sequence parallelism", ranks);
    case Strategy::kExpertParallel:
      return fmt::format("EP={}", ranks);
    case Strategy::kExpertAllToAll:
      return fmt::format("EP={} with all-to-all", ranks);
  }
  return plan.name;
}

std::string answer_sentence(const Case& at, const Outcome& outcome, std::string_view flips_on,
                            const std::optional<AllReduceBalance>& balance) {
  if (!outcome.comparison) return nothing_fits_sentence(at);
  auto text = outcome.kind == AnswerKind::kClear
                  ? clear_sentence(at, *outcome.comparison)
                  : close_sentence(at, *outcome.comparison, flips_on);
  if (balance) text += all_reduce_in_words(at, outcome, *balance);
  return text + ".";
}

}  // namespace wiretax
