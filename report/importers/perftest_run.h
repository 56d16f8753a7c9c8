#pragma once

// What perftest's text and its JSON have in common. Not for users of the library.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "report/importers/builder.h"

namespace wiretax {

/// One run of one program, as the lines above its rows tell it.
struct PerftestRun {
  std::string operation;  // "rdma_write", ...
  bool latency = false;
  bool both_ways = false;
  std::string device;
  std::string connection;  // RC, UD, ...
  std::uint64_t queue_pairs = 1;
  bool rdma_cm = false;
  double mtu = 0;  // bytes; 0: not told
};

/// One row. Rates are in the unit of the run, times in us.
struct PerftestRow {
  double bytes = 0;
  double iterations = 0;
  std::optional<double> average_rate;
  std::optional<double> peak_rate;
  std::optional<double> message_rate;  // 10^6/s
  std::optional<double> t_min, t_max, t_typical, t_avg, t_stdev, p99, p999;
};

/// "RDMA_Write Bidirectional BW Test", or with underscores as in JSON. Nothing where that is no
/// title of perftest's.
std::optional<PerftestRun> perftest_run(std::string_view title);

/// "MiB/s" or "Gb/s", which perftest has, whichever makes the rate that of the messages; empty
/// where neither does.
std::string unit_of_rate(const PerftestRow& row);

/// Makes records of rows and remembers what has to be said of them.
class PerftestRecords {
 public:
  explicit PerftestRecords(const ForeignText& source) : builder_(source, "perftest") {}

  ImportBuilder& builder() { return builder_; }
  /// `unit` as parse_rate_unit takes it; latencies need none. Throws InputError, without a place.
  void add(const PerftestRun& run, const PerftestRow& row, std::string_view unit);
  [[nodiscard]] ResultFile finish();

 private:
  void add_latency(const std::string& curve, const PerftestRun& run, const PerftestRow& row);

  ImportBuilder builder_;
};

}  // namespace wiretax
