#include "report/importers/nccl_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

namespace wiretax {
namespace {

constexpr double kNotTold = std::numeric_limits<double>::quiet_NaN();

struct NcclName {
  std::string_view program;
  std::string_view operation;
};

constexpr std::array kNcclPrograms = {
    NcclName{"all_reduce_perf", "all_reduce"},
    NcclName{"all_gather_perf", "all_gather"},
    NcclName{"reduce_scatter_perf", "reduce_scatter"},
    NcclName{"alltoall_perf", "all_to_all"},
    NcclName{"alltoallv_perf", "all_to_all_v"},
    NcclName{"broadcast_perf", "broadcast"},
    NcclName{"reduce_perf", "reduce"},
    NcclName{"gather_perf", "gather"},
    NcclName{"scatter_perf", "scatter"},
    NcclName{"sendrecv_perf", "send_recv"},
    NcclName{"hypercube_perf", "hypercube"},
};

constexpr std::array kNcclTypes = {
    std::pair<std::string_view, std::string_view>{"half", "float16"},
    std::pair<std::string_view, std::string_view>{"float", "float32"},
    std::pair<std::string_view, std::string_view>{"double", "float64"},
};

std::string_view type_name(std::string_view type) {
  const auto* const found =
      std::ranges::find(kNcclTypes, type, &std::pair<std::string_view, std::string_view>::first);
  return found == kNcclTypes.end() ? type : found->second;
}

bool is_plain_word(std::string_view word) {
  return !word.empty() && std::ranges::all_of(word, [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

/// busbw over algbw, as nccl-tests defines it (doc/PERFORMANCE.md); nothing for other operations.
std::optional<double> bus_factor(std::string_view operation, double ranks) {
  const double others = (ranks - 1) / ranks;
  if (operation == "all_reduce") return 2 * others;
  if (operation == "all_gather" || operation == "reduce_scatter" || operation == "all_to_all") {
    return others;
  }
  if (operation == "broadcast" || operation == "reduce" || operation == "send_recv") return 1;
  return std::nullopt;
}

/// Both are printed with two decimals.
bool bus_fits(const NcclTime& time, double factor) {
  constexpr double kRounding = 0.006;
  const double tolerance = kRounding * (1 + factor) + 1e-3 * time.busbw;
  return std::abs(time.busbw - factor * time.algbw) <= tolerance;
}

/// ", but busbw over algbw is that of 8", where only one number of ranks gives it.
std::string ranks_in_rates(std::string_view operation, const NcclTime& time) {
  constexpr std::uint64_t kMost = 4096;
  std::uint64_t fits = 0;
  for (std::uint64_t ranks = 1; ranks <= kMost; ++ranks) {
    const auto factor = bus_factor(operation, static_cast<double>(ranks));
    if (!factor || !bus_fits(time, *factor)) continue;
    if (fits > 0) return {};
    fits = ranks;
  }
  return fits == 0 ? "" : fmt::format("; busbw over algbw is that of {}", fits);
}

/// The time of few digits allows more than the rates.
bool algorithm_fits(const NcclTime& time, double bytes) {
  constexpr double kRounding = 0.006;
  constexpr double kTimeRounding = 0.06;                // %.1e at its worst
  const double expected = bytes / time.time_us / 1000;  // GB/s of bytes and us
  return std::abs(time.algbw - expected) <= kRounding + kTimeRounding * expected;
}

/// "spark-a, spark-b"; of hundreds only the first.
std::string hosts_text(const std::set<std::string, std::less<>>& hosts) {
  constexpr std::size_t kMostShown = 4;
  std::string text;
  std::size_t shown = 0;
  for (const auto& host : hosts) {
    if (shown++ == kMostShown)
      return fmt::format("{} and {} more", text, hosts.size() - kMostShown);
    text.append(text.empty() ? "" : ", ").append(host);
  }
  return text;
}

}  // namespace

std::string nccl_operation(std::string_view program) {
  const auto slash = program.rfind('/');
  const auto name = program.substr(slash == std::string_view::npos ? 0 : slash + 1);
  const auto* const found = std::ranges::find(kNcclPrograms, name, &NcclName::program);
  return found == kNcclPrograms.end() ? "" : std::string(found->operation);
}

NcclRecords::NcclRecords(const ForeignText& source)
    : source_(source), builder_(source, "nccl-tests") {}

void NcclRecords::complete(NcclRun& run) const {
  const auto& hints = source_.hints;
  if (run.operation.empty()) run.operation = hints.operation;
  if (run.operation.empty()) {
    throw InputError(
        "the file does not say which collective it measured: wiretax-report import --operation "
        "all_reduce, or what it was");
  }
  if (!hints.operation.empty() && hints.operation != run.operation) {
    throw InputError(
        fmt::format("--operation {}, but the file measured {}", hints.operation, run.operation));
  }
  if (run.ranks == 0) run.ranks = hints.ranks;
  if (hints.ranks != 0 && hints.ranks != run.ranks) {
    throw InputError(fmt::format("--ranks {}, but the file lists {}", hints.ranks, run.ranks));
  }
}

std::string NcclRecords::curve_of(const NcclRun& run, const NcclRow& row, std::string_view place) {
  for (const std::string_view word : {std::string_view(row.type), std::string_view(row.redop)}) {
    if (!word.empty() && !is_plain_word(word)) {
      throw InputError(fmt::format("'{}' is no type or operation", word));
    }
  }
  auto name = fmt::format("{}/backend:nccl", run.operation);
  if (run.graph) name += fmt::format("/launch:{}", *run.graph ? "graph" : "eager");
  if (!row.type.empty()) name += fmt::format("/type:{}", type_name(row.type));
  const bool usual = row.redop.empty() || row.redop == "sum" || row.redop == "none";
  if (!usual) name += fmt::format("/redop:{}", row.redop);
  name += fmt::format("/place:{}", place);
  // Every rank sends to the next one while it receives from the one before.
  if (run.operation == "send_recv") name += "/pattern:ring";
  return name + fmt::format("/timing:{}", run.timing);
}

/// One file is one network: a mean of runs within a host and between hosts is of neither.
void NcclRecords::refuse_other_hosts(const NcclRun& run) {
  if (run.hosts.empty()) return;
  const auto [before, fresh] = hosts_.try_emplace(run.ranks, run.hosts);
  if (fresh) builder_.set("imported_hosts", hosts_text(run.hosts));
  if (fresh || before->second == run.hosts) return;
  throw InputError(fmt::format(
      "this run of {} ranks was on {}, and one before it on {}: two networks, which want a file "
      "each",
      run.ranks, hosts_text(run.hosts), hosts_text(before->second)));
}

void NcclRecords::note_run(NcclRun& run) {
  if (std::exchange(run.noted, true)) return;
  refuse_other_hosts(run);
  if (run.timing == "pipelined") {
    builder_.note(
        "nccl-tests, by default, times operations back to back on one stream, independent of each "
        "other: one that waits for the one before takes as long or longer");
  } else if (run.timing == "aggregated") {
    builder_.note(
        fmt::format("{} operations in one group (-m): the time of one is no latency, and "
                    "no curve",
                    run.aggregated));
  } else if (run.timing == "blocking") {
    builder_.note("a barrier is within the timed span (-z): the times are too long for a curve");
  } else {
    builder_.note(
        "a barrier before each operation (-z 3): launch and synchronisation are included");
  }
  if (run.options_told) {
    if (run.ranks > 1) builder_.note(fmt::format("the times are {}", run.across));
  } else {
    builder_.note(
        "not told: how it synchronised (-z), and of which ranks the times are (-a); the defaults "
        "are assumed: back to back, and the mean over the ranks");
  }
  if (run.ranks == 1) {
    builder_.note(
        "a run of 1 rank: nothing crosses a wire; under mpirun that is a build of nccl-tests "
        "without MPI (make MPI=1)");
  } else if (run.hosts.size() == 1) {
    builder_.note(fmt::format("all {} ranks are on one host: no network was measured", run.ranks));
  }
}

void NcclRecords::add(NcclRun& run, const NcclRow& row, std::string_view place,
                      const NcclTime& time) {
  if (run.ranks == 0) {
    ranks_missing_ = true;
    if (ranks_in_rates_.empty()) ranks_in_rates_ = ranks_in_rates(run.operation, time);
    return;
  }
  const auto ranks = static_cast<double>(run.ranks);
  const auto factor = bus_factor(run.operation, ranks);
  auto& record = builder_.add(curve_of(run, row, place), row.bytes, time.time_us,
                              {{"ranks", ranks},
                               {"GBps", time.algbw},
                               {"bus_GBps", time.busbw},
                               {"min_us", time.min_us.value_or(kNotTold)},
                               {"max_us", time.max_us.value_or(kNotTold)}});
  note_run(run);
  if (!record.measured() || row.bytes == 0) return;
  constexpr double kLargestDeviation = 0.01;  // beyond what rounding does in any type
  if (time.wrong.value_or(0) != 0) {
    ImportBuilder::invalidate(record, fmt::format("{:.0f} wrong elements", *time.wrong));
    return;
  }
  if (!(time.deviation.value_or(0) <= kLargestDeviation)) {
    ImportBuilder::invalidate(record,
                              fmt::format("wrong data: a deviation of {:g}", *time.deviation));
    return;
  }
  if (!time.wrong && !time.deviation) unchecked_ = true;
  if (!algorithm_fits(time, row.bytes)) {
    ImportBuilder::doubt(record, fmt::format("algbw {:g} is not size over time", time.algbw));
  }
  if (factor && !bus_fits(time, *factor)) {
    if (source_.hints.ranks != 0 && run.hosts.empty()) {
      throw InputError(fmt::format("--ranks {} does not fit the rates{}", source_.hints.ranks,
                                   ranks_in_rates(run.operation, time)));
    }
    ImportBuilder::doubt(record, fmt::format("busbw {:g} is not algbw times {:g}, as of {} ranks",
                                             time.busbw, *factor, run.ranks));
  }
}

ResultFile NcclRecords::finish() {
  if (ranks_missing_) {
    throw InputError(
        fmt::format("{}: does not say how many ranks there were: wiretax-report import --ranks N{}",
                    source_.path.string(), ranks_in_rates_));
  }
  builder_.set("imported_unit",
               "times in us, GB/s of 10^9 bytes, sizes in bytes: nccl-tests has no other");
  builder_.set("transport", "unknown: nccl-tests does not tell what carried the data");
  if (unchecked_) builder_.note("the data of some points was not checked");
  builder_.note(
      "what carried the data is not known: wiretax-report transport reads the log that "
      "NCCL_DEBUG=INFO writes");
  return builder_.finish("engine");
}

}  // namespace wiretax
