#include "bench/harness/token_prices.h"

#include <algorithm>

namespace wiretax::bench {
namespace {

/// Different ranks go through them at the same time.
bool beside(const ScheduleStep& a, const ScheduleStep& b) {
  return is_one_way(a) && is_one_way(b) && a.purpose == b.purpose &&
         std::ranges::none_of(a.ranks,
                              [&](int rank) { return std::ranges::count(b.ranks, rank) > 0; });
}

}  // namespace

MessageKind kind_of(const ScheduleStep& step) {
  auto ranks = step.ranks;
  std::ranges::sort(ranks);
  return {step.operation, step.bytes, std::move(ranks)};
}

bool is_one_way(const ScheduleStep& step) { return step.operation == "send_recv"; }

std::optional<TokenPrices::Seconds> TokenPrices::of(const std::vector<ScheduleStep>& steps) const {
  Seconds prices;
  double moment_s = 0;  // what those side by side have cost so far
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto known = times_s_.find(kind_of(steps[i]));
    if (known == times_s_.end()) return std::nullopt;
    const double price_s = known->second * static_cast<double>(steps[i].count);
    if (i == 0 || !beside(steps[i - 1], steps[i])) moment_s = 0;
    prices[steps[i].operation] += std::max(price_s - moment_s, 0.0);
    moment_s = std::max(moment_s, price_s);
  }
  return prices;
}

}  // namespace wiretax::bench
