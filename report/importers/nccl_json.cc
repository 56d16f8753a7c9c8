#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "report/importers/loose_json.h"
#include "report/importers/nccl_formats.h"
#include "report/importers/nccl_run.h"

namespace wiretax {
namespace {

/// Not read. `env` is a whole environment, with its secrets.
constexpr std::array<std::string_view, 7> kUnreadOfNccl = {
    "env",           "count", "root", "actual_iterations", "times_us", "per_process_max_times_us",
    "implementation"};
constexpr double kLastVersion = 4;
constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();

/// "3" of "-z 3", "-z3", "--blocking 3" or "--blocking=3"; empty where the option is not there.
std::string option_value(const nlohmann::json& args, std::string_view brief,
                         std::string_view full) {
  for (std::size_t i = 0; i < args.size(); ++i) {
    const auto* const arg = args[i].get_ptr<const std::string*>();
    if (arg == nullptr) continue;
    if (*arg == brief || *arg == full) {
      const auto* const value =
          i + 1 < args.size() ? args[i + 1].get_ptr<const std::string*>() : nullptr;
      return value == nullptr ? "" : *value;
    }
    if (arg->starts_with(fmt::format("{}=", full))) return arg->substr(full.size() + 1);
    if (arg->starts_with(brief)) return arg->substr(brief.size());
  }
  return {};
}

/// The devices of the first rank of each process; each process has as many ranks.
void read_ranks(const nlohmann::json& config, NcclRun& run) {
  constexpr double kMostRanks = 1U << 20U;
  const auto& devices = foreign_array(config, "devices");
  std::set<double> ranks;
  for (const auto& device : devices) {
    if (!device.is_object()) continue;
    const auto rank = foreign_number(device, "rank");
    if (rank && !ranks.insert(*rank).second) {
      throw InputError(fmt::format("config.devices lists rank {} twice", *rank));
    }
    if (auto host = foreign_text(device, "hostname"); !host.empty()) run.hosts.insert(host);
  }
  const double all = static_cast<double>(devices.size()) *
                     foreign_number(config, "nthreads").value_or(1) *
                     foreign_number(config, "ngpus").value_or(1);
  if (!(all >= 0 && all <= kMostRanks)) throw InputError("config: no number of ranks");
  run.ranks = static_cast<std::uint64_t>(all);
}

/// -z 1 and 2 synchronise within the timed span, 3 before it.
std::string timing_of(const nlohmann::json& config, const nlohmann::json& args) {
  if (foreign_number(config, "aggregated_iterations").value_or(1) > 1) return "aggregated";
  const auto blocking = option_value(args, "-z", "--blocking");
  if (blocking == "3") return "isolated";
  const bool told = !blocking.empty() && blocking != "0";
  return told || foreign_text(config, "blocking_collectives") == "true" ? "blocking" : "pipelined";
}

std::string across_ranks(const nlohmann::json& args) {
  const auto average = option_value(args, "-a", "--average");
  if (average == "0") return "those of rank 0";
  if (average == "2") return "those of the fastest rank";
  if (average == "3") return "those of the slowest rank";
  return "the mean over the ranks";
}

NcclRun run_of(const nlohmann::json& document) {
  NcclRun run;
  const auto& args = foreign_array(document, "args");
  const auto& config = foreign_object(document, "config");
  if (!args.empty() && args[0].is_string())
    run.operation = nccl_operation(args[0].get<std::string>());
  read_ranks(config, run);
  if (const auto graph = foreign_number(config, "graph")) run.graph = *graph != 0;
  run.options_told = !args.empty();
  run.timing = timing_of(config, args);
  run.across = across_ranks(args);
  const auto aggregated = foreign_number(config, "aggregated_iterations").value_or(1);
  if (aggregated >= 1 && aggregated < 1e9) run.aggregated = static_cast<std::uint64_t>(aggregated);
  return run;
}

/// "2.30.7" of 23007, as NCCL counts since 2.9.
std::string nccl_version_in(const nlohmann::json& document) {
  const auto code = foreign_number(document, "nccl_version");
  if (!code || !(*code >= 20900 && *code < 1e6)) return {};
  const auto number = static_cast<int>(*code);
  return fmt::format("{}.{}.{}", number / 10000, number / 100 % 100, number % 100);
}

NcclTime time_of(const nlohmann::json& placement, const nlohmann::json& singles) {
  const auto wall = foreign_number(placement, "time");
  const auto time = wall ? wall : foreign_number(placement, "cpu_time");
  if (!time) throw InputError("time: not a number");
  return {.time_us = *time,
          .algbw = foreign_number(placement, "alg_bw").value_or(kNoNumber),
          .busbw = foreign_number(placement, "bus_bw").value_or(kNoNumber),
          .wrong = foreign_number(placement, "nwrong"),
          .deviation = {},
          .min_us = foreign_number(singles, "min_us"),
          .max_us = foreign_number(singles, "max_us")};
}

class NcclJsonReader {
 public:
  explicit NcclJsonReader(const ForeignText& source) : source_(source), records_(source) {}

  ResultFile read() {
    auto documents = read_loose_json(source_, kUnreadOfNccl);
    if (drop_repeats(documents)) {
      records_.builder().note("the file holds the same document twice; one counts");
    }
    for (auto& document : documents) read_document(document);
    records_.builder().set("nccl_tuning", fmt::format("{}", fmt::join(tuning_, ", ")));
    return records_.finish();
  }

 private:
  /// Takes it apart: of many rows, what is read makes room for its records.
  void read_document(nlohmann::json& document) {
    if (!document.contains("results") || !document["results"].is_array()) {
      throw InputError(fmt::format("{}: no results", source_.path.string()));
    }
    auto& results = document["results"];
    std::size_t index = 0;
    try {
      read_head(document);
      auto run = run_of(document);
      for (; index < results.size(); ++index) {
        read_result(results[index], run);
        results[index] = nullptr;
      }
    } catch (const InputError& error) {
      throw InputError(
          fmt::format("{}: results[{}]: {}", source_.path.string(), index, error.what()));
    }
    read_end(document);
  }

  void read_head(const nlohmann::json& document) {
    const auto version = foreign_number(document, "version");
    if (!version || *version < 1 || *version > kLastVersion) {
      throw InputError(fmt::format("version: 1 to {} are known", kLastVersion));
    }
    records_.builder().set("imported_format", fmt::format("JSON version {}", *version));
    records_.builder().set("nccl", nccl_version_in(document));
    if (!document.contains("args") || !document.contains("config")) {
      records_.builder().note(
          "without args or config, which nccl-tests writes: another program made this file");
    }
  }

  void read_result(const nlohmann::json& result, NcclRun& run) {
    if (!result.is_object()) throw InputError("not an object");
    if (run.operation.empty())
      run.operation = nccl_operation(foreign_text(result, "experiment_name"));
    records_.complete(run);
    const auto bytes = foreign_number(result, "size");
    if (!bytes) throw InputError("size: not a number");
    const NcclRow row = {.bytes = *bytes,
                         .type = foreign_text(result, "type"),
                         .redop = foreign_text(result, "redop")};
    for (const auto& [field, place] : {std::pair{"out_of_place", "out"}, {"in_place", "in"}}) {
      const auto& placement = foreign_object(result, field);
      if (placement.empty()) continue;
      const auto& singles = foreign_object(result, fmt::format("{}_per_iter", field));
      records_.add(run, row, place, time_of(placement, singles));
    }
    read_tuning(foreign_object(result, "tuning"));
  }

  void read_tuning(const nlohmann::json& tuning) {
    constexpr std::size_t kMost = 32;
    const auto algorithm = foreign_text(tuning, "algo");
    if (algorithm.empty() || tuning_.size() == kMost) return;
    tuning_.insert(fmt::format("{}/{}", algorithm, foreign_text(tuning, "proto")));
  }

  /// A run that broke off tells it; `errors` and `end_time` are its last fields.
  void read_end(const nlohmann::json& document) {
    const auto errors = foreign_array(document, "errors").size();
    if (errors > 0) {
      records_.builder().set("wiretax_status", fmt::format("5: nccl-tests had {} errors", errors));
    }
    if (foreign_text(foreign_object(document, "out_of_bounds"), "okay") == "false") {
      records_.builder().note("nccl-tests found values out of bounds");
    }
  }

  const ForeignText& source_;
  NcclRecords records_;
  std::set<std::string> tuning_;
};

}  // namespace

ResultFile import_nccl_json(const ForeignText& source) { return NcclJsonReader(source).read(); }

}  // namespace wiretax
