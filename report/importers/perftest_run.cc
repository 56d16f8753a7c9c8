#include "report/importers/perftest_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "report/catalogue.h"
#include "report/units.h"

namespace wiretax {
namespace {

constexpr double kUntold = std::numeric_limits<double>::quiet_NaN();

bool has_word(std::string_view text, std::string_view word) {
  return text.find(word) != std::string_view::npos;
}

/// A name of a device or a kind of connection, which becomes part of a record's name.
void check_name(std::string_view name, std::string_view what) {
  const bool good = name.size() <= 64 && std::ranges::all_of(name, [](unsigned char c) {
                      return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.' || c == ':';
                    });
  if (!good) throw InputError(fmt::format("'{}' is no {}", name, what));
}

std::string perftest_curve(const PerftestRun& run) {
  check_name(run.device, "device");
  check_name(run.connection, "kind of connection");
  auto name =
      fmt::format("{}_{}/link:{}/from:0/to:1", run.operation, run.latency ? "latency" : "bandwidth",
                  run.device.empty() ? "unknown" : run.device);
  if (!run.connection.empty() && run.connection != "RC") {
    name += fmt::format("/connection:{}", run.connection);
  }
  if (!run.latency && run.queue_pairs > 1) name += fmt::format("/qps:{}", run.queue_pairs);
  if (run.rdma_cm) name += "/connect:cm";
  if (run.both_ways) name += "/ways:2";
  return name;
}

/// How far a rate may be from that of its messages: both are rounded, to 2 and to 6 decimals.
bool rate_fits(const PerftestRow& row, double unit) {
  const double rate = row.average_rate.value_or(0);
  const double messages = row.message_rate.value_or(0);
  if (!(rate > 0) || !(messages > 0) || !(row.bytes > 0)) return false;
  constexpr double kMost = 0.3;  // the units are a factor of 119 apart
  const double rounding = 0.005 / rate + 0.5e-6 / messages + 0.01;
  const double expected = messages * 1e6 * row.bytes / unit;
  return std::abs(rate / expected - 1) <= std::min(kMost, rounding);
}

/// What the samples support: 299 for p99, 2995 for p99.9, as percentile() wants them.
double supported(std::optional<double> value, double samples, double wanted) {
  return samples >= wanted ? value.value_or(kUntold) : kUntold;
}

}  // namespace

std::optional<PerftestRun> perftest_run(std::string_view title) {
  auto words = lower_case(title);
  std::ranges::replace(words, '_', ' ');
  if (!words.ends_with(" test")) return std::nullopt;
  PerftestRun run;
  run.latency = words.ends_with(" latency test");
  if (!run.latency && !words.ends_with(" bw test")) return std::nullopt;
  run.both_ways = has_word(words, "bidirectional");
  for (const auto* const operation : {"write", "read", "send", "atomic"}) {
    const bool first = words.starts_with(operation);
    if (first || words.starts_with(fmt::format("rdma {}", operation))) {
      run.operation = fmt::format("rdma_{}", operation);
    }
  }
  return run.operation.empty() ? std::nullopt : std::optional(run);
}

std::string unit_of_rate(const PerftestRow& row) {
  for (const auto* const unit : {"MiB/s", "Gb/s"}) {
    if (rate_fits(row, parse_rate_unit(unit))) return unit;
  }
  return {};
}

void PerftestRecords::add_latency(const std::string& curve, const PerftestRun& run,
                                  const PerftestRow& row) {
  constexpr double kForP99 = 299;
  constexpr double kForP999 = 2995;
  if (!row.t_avg) throw InputError("t_avg is missing");
  auto& record = builder_.add(curve, row.bytes, *row.t_avg,
                              {{"ranks", 2},
                               {"operations", row.iterations},
                               {"mtu", run.mtu > 0 ? run.mtu : kUntold},
                               {"min_us", row.t_min.value_or(kUntold)},
                               {"p50_us", row.t_typical.value_or(kUntold)},
                               {"p99_us", supported(row.p99, row.iterations, kForP99)},
                               {"p999_us", supported(row.p999, row.iterations, kForP999)},
                               {"t_max_us", row.t_max.value_or(kUntold)},
                               {"t_stdev_us", row.t_stdev.value_or(kUntold)}});
  for (const auto& value : {row.t_min, row.t_typical}) {
    if (value && !(*value > 0)) ImportBuilder::invalidate(record, "a time below zero, or none");
  }
  const bool there_and_back = run.operation == "rdma_read" || run.operation == "rdma_atomic";
  builder_.note(there_and_back ? "a read's or an atomic's time is there and back"
                               : "a time is one way: half of a round trip");
  builder_.note(
      "perftest leaves out the two largest times, of t_avg and t_max as well, and t_stdev may be "
      "rounded to whole microseconds: so there is no max_us and no stdev_us");
}

void PerftestRecords::add(const PerftestRun& run, const PerftestRow& row, std::string_view unit) {
  const auto curve = perftest_curve(run);
  if (run.latency) {
    add_latency(curve, run, row);
    return;
  }
  if (!row.average_rate) throw InputError("BW average is missing");
  const double factor = parse_rate_unit(unit);
  const double rate = *row.average_rate * factor;
  const double messages = run.both_ways ? 2 : 1;  // a rate of both ways is their sum
  const double peak = row.peak_rate.value_or(0) * factor / kGigabyte;
  auto& record = builder_.add(curve, row.bytes, messages * row.bytes / rate / kMicrosecond,
                              {{"ranks", 2},
                               {"operations", row.iterations},
                               {"mtu", run.mtu > 0 ? run.mtu : kUntold},
                               {"qps", static_cast<double>(run.queue_pairs)},
                               {"GBps", rate / kGigabyte},
                               {"Gbps", rate / kGigabit},
                               {"peak_GBps", peak > 0 ? peak : kUntold}});
  if (row.message_rate && *row.message_rate > 0 && !rate_fits(row, factor)) {
    ImportBuilder::doubt(record,
                         fmt::format("the rate is not that of {:g} million messages/s, in {}",
                                     *row.message_rate, unit));
  }
}

ResultFile PerftestRecords::finish() {
  builder_.set("transport", "RDMA, by perftest");
  return builder_.finish("rdma");
}

}  // namespace wiretax
