#include "bench/harness/token_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "report/units.h"

namespace wiretax::bench {
namespace {

using Json = nlohmann::json;

/// Times of one kind of message in a token, as its first member saw them.
struct Share {
  double time_us = 0;
  double first_us = 0;  // of that, what first messages took more than the ones behind them
  double alone_us = 0;  // the same messages without the others, afterwards
};

void add_seen(const std::vector<std::string>& evidence, std::size_t i, const ScheduleStep& step,
              Share& share) {
  const auto seen =
      Json::parse(evidence.at(static_cast<std::size_t>(step.ranks.front())))["steps"].at(i);
  const double time_us = seen["us"];
  const double alone_us = seen["alone_us"];
  const double first_us = seen["first_us"];
  const auto others = static_cast<double>(step.count - 1);
  share.time_us += time_us;
  share.alone_us += alone_us;
  // A step of one message has only the same message alone to be held against.
  share.first_us += others > 0 ? first_us - (time_us - first_us) / others : time_us - alone_us;
}

}  // namespace

void add_shares(const std::vector<ScheduleStep>& steps, const std::vector<std::string>& evidence,
                const TokenPrices::Seconds& prices, Row& row) {
  std::map<std::string, Share> shares;
  // No two clocks tell how long a message took one way: those have what is left.
  double left_us = row.counters.at("wire_us");
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (!is_one_way(steps[i])) add_seen(evidence, i, steps[i], shares[steps[i].operation]);
  }
  for (const auto& [operation, share] : shares) {
    left_us -= share.time_us;
    row.counters[operation + "_us"] = share.time_us;
    row.counters[operation + "_first_us"] = share.first_us;
    row.counters[operation + "_alone_us"] = share.alone_us;
  }
  for (const auto& [operation, price_s] : prices) {
    row.counters["priced_us"] += price_s / kMicrosecond;
    row.counters[operation + "_priced_us"] = price_s / kMicrosecond;
    if (!shares.contains(operation)) row.counters[operation + "_us"] = std::max(left_us, 0.0);
  }
}

void add_pauses(const std::vector<std::string>& evidence, double asked_us, Row& row) {
  const double paused_us = Json::parse(evidence.front())["paused_us"];
  row.counters["paused_us"] = paused_us;
  constexpr double kFar = 1.5;
  if (paused_us > kFar * asked_us) {
    row.doubts.push_back(fmt::format(
        "pauses took {:.1f} times what --gap asks: other work had the core", paused_us / asked_us));
  }
  double least = std::numeric_limits<double>::infinity();
  for (const auto& text : evidence) {
    const auto theirs = Json::parse(text);
    const double pausing_s = theirs["pausing_s"];
    if (pausing_s > 0) least = std::min(least, theirs["read_bytes"].get<double>() / pausing_s);
  }
  if (std::isfinite(least)) row.counters["read_GBps"] = least / kGigabyte;
}

std::vector<std::string> growth_of(const std::vector<std::string>& evidence) {
  std::vector<std::string> growth;
  growth.reserve(evidence.size());
  for (const auto& text : evidence) growth.push_back(Json::parse(text)["growth"]);
  return growth;
}

}  // namespace wiretax::bench
