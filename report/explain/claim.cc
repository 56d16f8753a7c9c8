#include "report/explain/claim.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <stdexcept>

#include "report/units.h"

namespace wiretax {
namespace {

constexpr std::uint64_t kMostMachines = 1024;

/// Takes `letters` and a number off the front of `text`.
std::optional<std::uint64_t> take_count(std::string_view& text, std::string_view letters) {
  if (!text.starts_with(letters)) return std::nullopt;
  const auto* const begin = text.data() + letters.size();
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), count);
  if (error != std::errc{} || count == 0 || count > kMostMachines) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return count;
}

std::optional<ParsedStrategy> read_layout(std::string_view text) {
  if (const auto copies = take_count(text, "replicas")) {
    if (!text.empty()) return std::nullopt;
    return ParsedStrategy{{*copies > 1 ? Strategy::kReplicas : Strategy::kSingle, 1}, *copies};
  }
  const auto group = take_count(text, "tp").value_or(1);
  const auto stages = take_count(text, "pp").value_or(1);
  const auto ranks = group * stages;
  if (!text.empty() || ranks > kMostMachines) return std::nullopt;
  if (ranks == 1) return ParsedStrategy{{Strategy::kSingle, 1}, 1};
  if (stages == 1) return ParsedStrategy{{Strategy::kTensorParallel, group}, ranks};
  if (group == 1) return ParsedStrategy{{Strategy::kPipeline, 1}, ranks};
  return ParsedStrategy{{Strategy::kTensorPipeline, group}, ranks};
}

}  // namespace

ParsedStrategy parse_layout(std::string_view name) {
  const auto parsed = name.empty() ? std::nullopt : read_layout(name);
  if (parsed) return *parsed;
  throw std::invalid_argument(fmt::format(
      "strategy '{}' is not known (tp1, tp2, pp2, replicas2, tp2pp2; at most {} machines)", name,
      kMostMachines));
}

Workload workload_of(const Claim& claim, const Observation& seen) {
  return {.batch = seen.concurrency,
          .context = std::max<std::uint64_t>(seen.context.value_or(claim.context), 1),
          .ranks = claim.ranks,
          .drafts = claim.drafts,
          .accepted = claim.tokens_per_step - 1,
          .extra = {}};
}

bool same_test(const Observation& a, const Observation& b) {
  return a.phase == b.phase && a.concurrency == b.concurrency && a.prompt == b.prompt &&
         a.depth == b.depth;
}

double seen_seconds(const Claim& claim, const Observation& seen) {
  if (seen.phase == Phase::kPrefill) {
    return real(seen.prompt) * real(seen.concurrency) / seen.tokens_per_s;
  }
  return workload_of(claim, seen).tokens() / seen.tokens_per_s;
}

Band gamma_of(const Machine& machine) { return machine.gamma.value_or(kUsualGamma); }

}  // namespace wiretax
