#include "report/fabric.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <map>
#include <set>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "report/catalogue.h"
#include "report/embedded.h"
#include "report/token.h"
#include "report/units.h"

namespace wiretax {
namespace {

constexpr std::array kKinds = {
    std::pair{FabricKind::kLoopback, std::string_view("loopback")},
    std::pair{FabricKind::kSharedMemory, std::string_view("shared_memory")},
    std::pair{FabricKind::kHostMpi, std::string_view("host_mpi")},
    std::pair{FabricKind::kFloor, std::string_view("floor")},
    std::pair{FabricKind::kEngine, std::string_view("engine")},
    std::pair{FabricKind::kPublished, std::string_view("published")},
};

constexpr std::array kPaths = {
    std::pair{FabricPath::kUnknown, std::string_view("unknown")},
    std::pair{FabricPath::kRoceBoth, std::string_view("roce_both")},
    std::pair{FabricPath::kRoceOne, std::string_view("roce_one")},
    std::pair{FabricPath::kTcp, std::string_view("tcp")},
};

/// Another build of NCCL or another MTU than the published one: at most this much slower.
constexpr double kPublishedSlack = 1.5;

struct Operation {
  std::string_view name;
  Curve Curves::*curve;
};

constexpr std::array kOperations = {
    Operation{"all_reduce", &Curves::all_reduce}, Operation{"all_gather", &Curves::all_gather},
    Operation{"reduce_scatter", &Curves::reduce_scatter},
    Operation{"all_to_all", &Curves::all_to_all}, Operation{"send_recv", &Curves::send_recv}};

bool is_collective(const Record& record) {
  return std::ranges::count(kOperations, record.operation, &Operation::name) > 0;
}

/// Rows that belong on one curve: same operation, and all keys but the size.
struct Series {
  std::string timing;
  std::vector<CurvePoint> points;
  std::size_t suspect = 0;
  std::string suspicion;
  int preference = 0;
  bool among = false;  // of some of the ranks that ran
  std::string type;

  /// The larger the better: what decode runs, then ranks that had the machines to themselves, then
  /// few doubts, then many points.
  [[nodiscard]] std::tuple<int, bool, double, std::size_t> worth() const {
    const auto doubted = static_cast<double>(suspect) / static_cast<double>(points.size());
    return {preference, !among, -doubted, points.size()};
  }
};

using SeriesByOperation = std::map<std::string, std::map<std::string, Series>>;

/// Series of one fabric by ranks, operation and variant, and what was left out.
struct Gathered {
  FabricKind kind = FabricKind::kEngine;
  FabricPath path = FabricPath::kUnknown;
  std::string measured_by;
  std::map<std::uint64_t, SeriesByOperation> by_ranks;
  std::vector<std::string> notes;
  std::size_t invalid = 0;
  std::set<std::string> all_reduces;  // what there is beside chained ones of that many ranks
  std::string skipped;                // why one was not measured
};

/// A program that measures no collectives says nothing about a step, whatever its network is
/// called.
bool has_collectives(const ResultFile& file) {
  return std::ranges::any_of(file.records, is_collective);
}

FabricKind kind_of(const ResultFile& file) {
  const auto name = file.context_value("wiretax_fabric_kind");
  const auto* const found =
      std::ranges::find(kKinds, name, &std::pair<FabricKind, std::string_view>::second);
  if (found == kKinds.end()) {
    throw InputError(fmt::format("{}: context.wiretax_fabric_kind: '{}' is not known",
                                 file.path.string(), name));
  }
  return found->first;
}

/// Files of programs that do not know their path leave it out.
FabricPath path_of(const ResultFile& file) {
  const auto name = file.context_value("wiretax_fabric_path");
  if (name.empty()) return FabricPath::kUnknown;
  const auto* const found =
      std::ranges::find(kPaths, name, &std::pair<FabricPath, std::string_view>::second);
  if (found == kPaths.end()) {
    throw InputError(fmt::format("{}: context.wiretax_fabric_path: '{}' is not known",
                                 file.path.string(), name));
  }
  return found->first;
}

/// Decode chains its operations, runs on bf16, each layer out of place, and from a CUDA graph.
int preference_of(const Record& record) {
  return (record.key("timing") == "chained" ? 16 : 0) +
         (record.key("timing") == "pipelined" ? 8 : 0) +
         (record.key("type") == "bfloat16" ? 4 : 0) + (record.key("place") == "out" ? 2 : 0) +
         (record.key("launch") == "graph" ? 1 : 0);
}

/// Other tools chain nothing. What they do instead stands in for it and is noted: nccl-tests'
/// operations run one after another on a stream, OSU's each behind a barrier. A send_recv that
/// overlaps others is no hop of a pipeline.
bool stands_in(const Record& record, bool imported) {
  const auto timing = record.key("timing");
  return imported && record.operation != "send_recv" &&
         (timing == "pipelined" || timing == "isolated");
}

/// Ranks of a record that belongs on a curve: all of them, or as many as divide them. 0 of others.
std::uint64_t ranks_on_a_curve(const Record& record, std::uint64_t ranks, bool imported) {
  const bool timed = record.key("timing") == "chained" || stands_in(record, imported);
  if (!is_collective(record) || !timed || !record.key("pattern").empty() ||
      !record.key("redop").empty() || !record.counter("bytes")) {
    return 0;
  }
  for (std::uint64_t of = 2; of <= ranks; ++of) {
    if (ranks % of == 0 && record.counter("ranks") == static_cast<double>(of)) return of;
  }
  return 0;
}

void add_row(const Record& record, std::uint64_t ranks, Gathered& gathered) {
  if (record.verdict == Verdict::kInvalid) ++gathered.invalid;
  if (!record.measured()) return;
  std::string variant;
  for (const auto& [key, value] : record.keys) {
    if (key != "bytes") variant += fmt::format("/{}:{}", key, value);
  }
  auto& series = gathered.by_ranks[ranks][record.operation][variant];
  series.points.push_back(record.curve_point());
  series.preference = preference_of(record);
  series.among = !record.key("among").empty();
  series.type = record.key("type");
  series.timing = record.key("timing");
  if (record.verdict == Verdict::kSuspect) {
    ++series.suspect;
    series.suspicion = record.reason;
  }
}

/// "chained of 3 ranks".
std::string setting_of(const Record& record) {
  return fmt::format("{} of {:.0f} ranks", record.key("timing"),
                     record.counter("ranks").value_or(0));
}

std::string lacks_all_reduce(const std::string& name, std::uint64_t ranks,
                             const Gathered& gathered) {
  auto text = fmt::format("{}: no chained all_reduce of {} ranks", name, ranks);
  if (!gathered.skipped.empty()) return text + ", skipped: " + gathered.skipped;
  if (gathered.all_reduces.empty()) return text;
  return text + fmt::format(", but {} (--ranks says how many machines to decide for)",
                            fmt::join(gathered.all_reduces, ", "));
}

/// Tokens that were really sent and took another time than these curves make of them.
void add_far_off_tokens(const ResultFile& file, Gathered& gathered) {
  constexpr double kFar = .25;
  std::size_t tokens = 0;
  double worst = 1;
  for (const auto& record : file.records) {
    const auto priced_us = record.counter("priced_us");
    if (record.operation != kToken || !record.measured() || !priced_us || *priced_us <= 0) continue;
    const double times = token_wire_us(record) / *priced_us;
    if (std::abs(times - 1) <= kFar) continue;
    ++tokens;
    if (std::abs(std::log(times)) > std::abs(std::log(worst))) worst = times;
  }
  if (tokens == 0) return;
  gathered.notes.push_back(
      fmt::format("{} token{} that was sent took up to {:.2f} times its price: wiretax-report "
                  "summary {} says why",
                  tokens, tokens == 1 ? "" : "s", worst, file.path.filename().string()));
}

/// What there is beside chained all_reduces of so many ranks, or why there is none.
void add_all_reduce(const Record& record, Gathered& gathered) {
  if (record.operation != "all_reduce") return;
  if (record.measured()) gathered.all_reduces.insert(setting_of(record));
  if (record.verdict == Verdict::kSkipped) gathered.skipped = record.reason;
}

void add_file(const ResultFile& file, std::uint64_t ranks, Gathered& gathered) {
  const auto status = file.context_value("wiretax_status");
  if (!status.empty() && status != "complete") {
    gathered.notes.push_back(
        fmt::format("{} is not complete: {}", file.path.filename().string(),
                    status == "running" ? "still running, or killed" : status));
  }
  add_far_off_tokens(file, gathered);
  for (auto& note : file.notes()) {
    if (std::ranges::count(gathered.notes, note) == 0) gathered.notes.push_back(std::move(note));
  }
  gathered.measured_by = file.context_value("imported_from");
  const bool imported = !gathered.measured_by.empty();
  for (const auto& record : file.records) {
    add_all_reduce(record, gathered);
    const bool failed = record.verdict == Verdict::kInvalid && is_collective(record) &&
                        (record.key("timing") == "chained" || stands_in(record, imported));
    const auto of = ranks_on_a_curve(record, ranks, imported);
    if (failed || of > 0) add_row(record, of, gathered);
  }
}

Curve best_curve(std::string_view operation, const SeriesByOperation& by_operation,
                 std::vector<std::string>& notes) {
  const auto found = by_operation.find(std::string(operation));
  if (found == by_operation.end()) return {};
  const auto& [variant, best] = *std::ranges::max_element(
      found->second, {}, [](const auto& entry) { return entry.second.worth(); });
  if (!best.type.empty() && best.type != "bfloat16") {
    notes.push_back(fmt::format("{} was measured in {}, not bfloat16", operation, best.type));
  }
  if (best.timing != "chained") {
    notes.push_back(
        fmt::format("{} was timed {}, not chained as decoding is", operation, best.timing));
  }
  if (best.suspect > 0) {
    notes.push_back(fmt::format("{} of {} {} points are suspect, among them: {}", best.suspect,
                                best.points.size(), operation, best.suspicion));
  }
  return Curve(best.points);
}

Curves curves_of(const SeriesByOperation& by_operation, std::vector<std::string>& notes) {
  Curves curves;
  for (const auto& operation : kOperations) {
    curves.*operation.curve = best_curve(operation.name, by_operation, notes);
  }
  return curves;
}

Fabric fabric_of(const std::string& name, std::uint64_t ranks, const Gathered& gathered) {
  Fabric fabric;
  fabric.name = name;
  fabric.kind = gathered.kind;
  fabric.path = gathered.path;
  fabric.ranks = ranks;
  fabric.measured_by = gathered.measured_by;
  fabric.notes = gathered.notes;
  for (const auto& [of, by_operation] : gathered.by_ranks) {
    auto& curves = of == ranks ? static_cast<Curves&>(fabric) : fabric.fewer[of];
    curves = curves_of(by_operation, fabric.notes);
  }
  if (gathered.invalid > 0) {
    fabric.notes.push_back(fmt::format("invalid points left out: {}", gathered.invalid));
  }
  return fabric;
}

void add_mark(const ResultFile& file, Gathered& gathered) {
  const std::string mark(file.context_value("wiretax_mark"));
  if (!mark.empty() && std::ranges::count(gathered.notes, mark) == 0)
    gathered.notes.push_back(mark);
}

/// By name of the fabric; of files without one, or without collectives, only why.
std::map<std::string, Gathered> gather(std::span<const ResultFile> files, std::uint64_t ranks,
                                       std::vector<std::string>& without_collectives) {
  std::map<std::string, Gathered> by_name;
  for (const auto& file : files) {
    const auto name = std::string(file.context_value("wiretax_fabric"));
    if (name.empty() || !has_collectives(file)) {
      without_collectives.push_back(file.path.filename().string() + ": no collectives in it");
      continue;
    }
    const auto kind = kind_of(file);
    const auto [entry, fresh] = by_name.try_emplace(name);
    if (!fresh && entry->second.kind != kind) {
      throw InputError(fmt::format("{}: fabric '{}' is {} here and {} in another file",
                                   file.path.string(), name, kind_name(kind),
                                   kind_name(entry->second.kind)));
    }
    entry->second.kind = kind;
    entry->second.path = path_of(file);
    add_mark(file, entry->second);
    add_file(file, ranks, entry->second);
  }
  return by_name;
}

}  // namespace

std::string_view kind_name(FabricKind kind) {
  return std::ranges::find(kKinds, kind, &std::pair<FabricKind, std::string_view>::first)->second;
}

std::string_view path_name(FabricPath path) {
  return std::ranges::find(kPaths, path, &std::pair<FabricPath, std::string_view>::first)->second;
}

Band band_of(const Fabric& fabric, const CurveTime& time) {
  if (fabric.kind == FabricKind::kPublished) {
    if (time.range == CurveRange::kHole) {
      return {time.interval_s.low, time.time_s, time.interval_s.high * kPublishedSlack};
    }
    return {time.time_s, time.time_s, time.time_s * kPublishedSlack};
  }
  return {time.interval_s.low, time.time_s, time.interval_s.high};
}

Fabrics fabrics_of(std::span<const ResultFile> files, std::uint64_t ranks) {
  std::vector<std::string> without_collectives;
  Fabrics fabrics;
  for (const auto& [name, gathered] : gather(files, ranks, without_collectives)) {
    auto fabric = fabric_of(name, ranks, gathered);
    if (fabric.all_reduce.empty()) {
      fabrics.notes.push_back(lacks_all_reduce(name, ranks, gathered));
    } else {
      fabrics.usable.push_back(std::move(fabric));
    }
  }
  if (fabrics.usable.empty())
    std::ranges::move(without_collectives, std::back_inserter(fabrics.notes));
  return fabrics;
}

std::vector<Fabric> all_fabrics_of(std::span<const ResultFile> files, std::uint64_t ranks) {
  std::vector<std::string> without_collectives;
  std::vector<Fabric> fabrics;
  for (const auto& [name, gathered] : gather(files, ranks, without_collectives)) {
    fabrics.push_back(fabric_of(name, ranks, gathered));
  }
  return fabrics;
}

std::vector<std::string> profile_names() {
  std::vector<std::string> names;
  names.reserve(kEmbeddedProfiles.size());
  for (const auto& file : kEmbeddedProfiles) names.emplace_back(file.name);
  return names;
}

ResultFile find_profile(std::string_view name) {
  const auto wanted = lower_case(name);
  for (const auto& file : kEmbeddedProfiles) {
    if (lower_case(file.name) == wanted) {
      return parse_result_file(file.text, fmt::format("profiles/{}.json", file.name));
    }
  }
  throw UnknownName(unknown_name_text("profile", name, profile_names()));
}

}  // namespace wiretax
