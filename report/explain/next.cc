#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "report/explain/parts.h"
#include "report/strategies.h"

namespace wiretax {
namespace {

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

}  // namespace

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

}  // namespace wiretax
