#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "report/importers/loose_json.h"
#include "report/importers/perftest_formats.h"
#include "report/importers/perftest_run.h"
#include "report/units.h"

namespace wiretax {
namespace {

PerftestRun run_in(const nlohmann::json& info) {
  auto run = perftest_run(foreign_text(info, "test"));
  if (!run) {
    throw InputError(
        fmt::format("test_info.test: '{}' is no test of perftest's", foreign_text(info, "test")));
  }
  constexpr double kMostQueuePairs = 1U << 20U;
  run->device = foreign_text(info, "Device");
  run->connection = foreign_text(info, "Connection_type");
  run->rdma_cm = foreign_text(info, "rdma_cm_QPs") == "ON";
  run->mtu = foreign_number(info, "Mtu").value_or(0);
  const auto pairs = foreign_number(info, "Number_of_qps").value_or(1);
  if (!(pairs >= 1 && pairs <= kMostQueuePairs)) throw InputError("test_info.Number_of_qps");
  run->queue_pairs = static_cast<std::uint64_t>(pairs);
  return *run;
}

PerftestRow row_in(const nlohmann::json& results) {
  const auto size = foreign_number(results, "MsgSize");
  if (!size) throw InputError("results.MsgSize: not a number");
  PerftestRow row;
  row.bytes = *size;
  row.iterations = foreign_number(results, "n_iterations").value_or(0);
  row.average_rate = foreign_number(results, "BW_average");
  row.peak_rate = foreign_number(results, "BW_peak");
  row.message_rate = foreign_number(results, "MsgRate");
  row.t_min = foreign_number(results, "t_min");
  row.t_max = foreign_number(results, "t_max");
  row.t_typical = foreign_number(results, "t_typical");
  row.t_avg = foreign_number(results, "t_avg");
  row.t_stdev = foreign_number(results, "t_stdev");
  row.p99 = foreign_number(results, "percentile_99");
  row.p999 = foreign_number(results, "percentile_99.9");
  return row;
}

/// How the unit is known, and which it is.
struct KnownUnit {
  std::string unit;
  std::string how;
};

KnownUnit unit_of(const PerftestRow& row, const std::string& said) {
  const auto inferred = unit_of_rate(row);
  if (!said.empty()) parse_rate_unit(said);  // it is one, or that is said
  if (inferred.empty() && said.empty()) {
    throw InputError(
        "perftest's JSON names no unit, and MsgRate times MsgSize does not tell it: wiretax-report "
        "import --unit MiB/s, or Gb/s where the run had --report_gbits");
  }
  if (!inferred.empty() && !said.empty() && inferred != said) {
    throw InputError(
        fmt::format("--unit {}, but MsgRate times MsgSize makes it {}", said, inferred));
  }
  if (inferred.empty()) return {said, fmt::format("{}, as --unit says", said)};
  return {inferred, fmt::format("{}, inferred: BW_average is {:.4g} of MsgRate times MsgSize",
                                inferred, *row.average_rate / (*row.message_rate * row.bytes))};
}

class PerftestJsonReader {
 public:
  explicit PerftestJsonReader(const ForeignText& source) : source_(source), records_(source) {}

  ResultFile read() {
    const auto documents = read_loose_json(source_);
    std::size_t number = 0;
    for (const auto& document : documents) {
      ++number;
      try {
        read_document(document);
      } catch (const InputError& error) {
        const auto which = documents.size() > 1 ? fmt::format("document {}: ", number) : "";
        throw InputError(fmt::format("{}: {}{}", source_.path.string(), which, error.what()));
      }
    }
    records_.builder().set("imported_format", "JSON");
    return records_.finish();
  }

 private:
  void read_document(const nlohmann::json& document) {
    const auto run = run_in(foreign_object(document, "test_info"));
    const auto row = row_in(foreign_object(document, "results"));
    auto& builder = records_.builder();
    if (run.latency) {
      builder.set("imported_unit", "times in us: perftest has no other");
      records_.add(run, row, "");
      return;
    }
    const auto known = unit_of(row, source_.hints.unit);
    builder.set("imported_unit", known.how);
    records_.add(run, row, known.unit);
    constexpr double kLargestOfAll = 8.0 * static_cast<double>(kMebibyte);
    if (row.bytes == kLargestOfAll) {
      builder.note("of a sweep (-a) perftest's JSON keeps only this last size");
    }
  }

  const ForeignText& source_;
  PerftestRecords records_;
};

}  // namespace

ResultFile import_perftest_json(const ForeignText& source) {
  return PerftestJsonReader(source).read();
}

}  // namespace wiretax
