#include "report/token.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "report/record_text.h"
#include "report/units.h"

namespace wiretax {
namespace {

constexpr double kFarOff = 0.1;
constexpr std::array<std::string_view, 3> kOperations = {"all_reduce", "all_gather", "send_recv"};

double counter(const Record& record, std::string_view operation, std::string_view what) {
  return record.counter(fmt::format("{}_{}", operation, what)).value_or(0);
}

/// "decode of 8", "1,024 tokens of a prompt"; with a gap "decode of 8, gaps of 200 us".
std::string step_of(const Record& record) {
  auto text = record.key("phase") == "prefill"
                  ? fmt::format("{} tokens of a prompt", record.key("chunk"))
                  : fmt::format("decode of {}", record.key("batch"));
  if (const auto gap = record.key("gap"); !gap.empty()) text += fmt::format(", gaps of {} us", gap);
  return text;
}

std::string carrier_of(const Record& record) {
  const auto interface = record.key("interface");
  return fmt::format("{}{}{}", record.key("backend"), interface.empty() ? "" : " ", interface);
}

std::optional<double> off_by(const Record& record) {
  const auto priced_us = record.counter("priced_us");
  if (!record.measured() || !priced_us || *priced_us <= 0) return std::nullopt;
  return token_wire_us(record) / *priced_us - 1;
}

/// "all_reduce 93 %, all_gather 7 %".
std::string shares_of(const Record& record) {
  std::vector<std::string> shares;
  for (const auto operation : kOperations) {
    if (const double us = counter(record, operation, "us"); us > 0) {
      shares.push_back(fmt::format("{} {:.0f} %", operation, 100 * us / token_wire_us(record)));
    }
  }
  return fmt::format("{}", fmt::join(shares, ", "));
}

/// One part of a difference, and what it says.
struct Cause {
  double us = 0;
  std::string text;
};

/// Three things that were measured of a collective: what it costs alone after the token was timed,
/// what its first message cost more than those behind it, and what is left.
void add_causes(const Record& record, std::string_view operation, std::vector<Cause>& causes) {
  const double priced_us = counter(record, operation, "priced_us");
  if (priced_us <= 0) return;
  const double in_token_us = counter(record, operation, "us");
  if (operation == "send_recv") {
    causes.push_back({in_token_us - priced_us,
                      "send_recv, whose messages follow each other without waiting for an answer"});
    return;
  }
  const double alone_us = counter(record, operation, "alone_us");
  const double first_us = counter(record, operation, "first_us");
  causes.push_back(
      {alone_us - priced_us,
       fmt::format("{} alone, again behind the token: machines or connections have changed",
                   operation)});
  causes.push_back(
      {first_us, fmt::format("the first {} behind another kind of message", operation)});
  causes.push_back({in_token_us - alone_us - first_us,
                    fmt::format("{} between the others, beyond its first: caches, and ranks that "
                                "drift apart",
                                operation)});
}

/// "+232.6 ms".
std::string signed_time(double us) {
  return (us < 0 ? "-" : "+") + format_seconds(std::abs(us) * kMicrosecond);
}

/// The largest parts first, of either sign, until what is left is less than a fifth of the
/// difference.
std::string explain(const Record& record, double off) {
  const double difference_us = token_wire_us(record) - *record.counter("priced_us");
  std::vector<Cause> causes;
  for (const auto operation : kOperations) add_causes(record, operation, causes);
  std::ranges::sort(causes, std::ranges::greater(),
                    [](const Cause& cause) { return std::abs(cause.us); });
  auto text = fmt::format(
      "{} {}, {}: {:.0f} % {} its price. {} is made of:", printable(record.key("model")),
      printable(record.key("strategy")), printable(step_of(record)), 100 * std::abs(off),
      off > 0 ? "above" : "below", signed_time(difference_us));
  constexpr double kLeft = 0.2;
  constexpr double kSmall = 0.01;
  double told_us = 0;
  for (const auto& cause : causes) {
    if (std::abs(difference_us - told_us) < kLeft * std::abs(difference_us)) break;
    if (std::abs(cause.us) < kSmall * std::abs(difference_us)) continue;
    told_us += cause.us;
    text += fmt::format("\n  {:>9}  {}", signed_time(cause.us), cause.text);
  }
  return text + "\n";
}

}  // namespace

double token_wire_us(const Record& record) {
  return record.counter("wire_us").value_or(record.time_s / kMicrosecond);
}

std::string token_text(const ResultFile& file, const Ink& ink) {
  using enum Table::Align;
  Table table({{"model", kLeft},
               {"strategy", kLeft},
               {"step", kLeft},
               {"over", kLeft},
               {"mean"},
               {"p50"},
               {"p99"},
               {"priced"},
               {"off by"},
               {"of it", kLeft},
               {"verdict", kLeft}});
  std::string explanations;
  std::string reading;
  for (const auto& record : file.records) {
    if (record.operation != kToken) continue;
    const auto off = off_by(record);
    table.add({printable(record.key("model")), printable(record.key("strategy")),
               printable(step_of(record)), printable(carrier_of(record)),
               record.measured() ? format_seconds(record.time_s) : "-", time_text(record, "p50_us"),
               time_text(record, "p99_us"), time_text(record, "priced_us"),
               off ? fmt::format("{:+.1f} %", 100 * *off) : "-", shares_of(record),
               verdict_text(record, ink)});
    if (off && std::abs(*off) > kFarOff) explanations += explain(record, *off);
    if (const auto rate = record.counter("read_GBps")) {
      reading += fmt::format("{} {}, {}: {} of pauses, which read {:.1f} GB/s with one thread.\n",
                             printable(record.key("model")), printable(record.key("strategy")),
                             printable(step_of(record)), time_text(record, "paused_us"), *rate);
    }
  }
  if (table.empty()) return {};
  return fmt::format(
      "\n{}\n{}\nmean, p50, p99: all messages of one token, from the embedding to the sampled "
      "tokens; priced: their count times what\neach takes on the curve of the same run; off by: of "
      "the mean, without pauses.\n{}{}",
      ink.bold("a token's messages"), table.text(ink), reading, explanations);
}

}  // namespace wiretax
