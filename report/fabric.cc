#include "report/fabric.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>
#include <utility>

#include "report/catalogue.h"
#include "report/embedded.h"

namespace wiretax {
namespace {

constexpr std::array kKinds = {
    std::pair{FabricKind::kLoopback, std::string_view("loopback")},
    std::pair{FabricKind::kSharedMemory, std::string_view("shared_memory")},
    std::pair{FabricKind::kHostMpi, std::string_view("host_mpi")},
    std::pair{FabricKind::kEngine, std::string_view("engine")},
    std::pair{FabricKind::kPublished, std::string_view("published")},
};

/// Another build of NCCL or another MTU than the published one: at most this much slower.
constexpr double kPublishedSlack = 1.5;

constexpr std::array<std::string_view, 3> kOperations = {"all_reduce", "all_gather", "send_recv"};

/// Rows that belong on one curve: same operation, and all keys but the size.
struct Series {
  std::vector<CurvePoint> points;
  std::size_t suspect = 0;
  std::string suspicion;
  int preference = 0;
  std::string type;
};

/// Series of one fabric by operation and variant, and what was left out.
struct Gathered {
  FabricKind kind = FabricKind::kEngine;
  std::map<std::string, std::map<std::string, Series>> by_operation;
  std::vector<std::string> notes;
  std::size_t invalid = 0;
};

/// A program that measures no collectives says nothing about a step, whatever its network is
/// called.
bool has_collectives(const ResultFile& file) {
  return std::ranges::any_of(file.records, [](const Record& record) {
    return std::ranges::count(kOperations, record.operation) > 0;
  });
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

/// Decode runs on bf16, each layer out of place, and from a CUDA graph.
int preference_of(const Record& record) {
  return (record.key("type") == "bfloat16" ? 4 : 0) + (record.key("place") == "out" ? 2 : 0) +
         (record.key("launch") == "graph" ? 1 : 0);
}

bool belongs_on_a_curve(const Record& record, std::uint64_t ranks) {
  return std::ranges::count(kOperations, record.operation) > 0 &&
         record.key("timing") == "chained" && record.key("pattern").empty() &&
         record.counter("ranks") == static_cast<double>(ranks) && record.counter("bytes");
}

void add_row(const Record& record, Gathered& gathered) {
  if (record.verdict == Verdict::kInvalid) ++gathered.invalid;
  if (!record.measured()) return;
  std::string variant;
  for (const auto& [key, value] : record.keys) {
    if (key != "bytes") variant += fmt::format("/{}:{}", key, value);
  }
  auto& series = gathered.by_operation[record.operation][variant];
  series.points.push_back(record.curve_point());
  series.preference = preference_of(record);
  series.type = record.key("type");
  if (record.verdict == Verdict::kSuspect) {
    ++series.suspect;
    series.suspicion = record.reason;
  }
}

void add_file(const ResultFile& file, std::uint64_t ranks, Gathered& gathered) {
  const auto status = file.context_value("wiretax_status");
  if (!status.empty() && status != "complete") {
    gathered.notes.push_back(fmt::format("{} is not complete: {}", file.path.filename().string(),
                                         status == "running" ? "killed while running" : status));
  }
  for (const auto& record : file.records) {
    const bool failed = record.verdict == Verdict::kInvalid &&
                        std::ranges::count(kOperations, record.operation) > 0 &&
                        record.key("timing") == "chained";
    if (failed || belongs_on_a_curve(record, ranks)) add_row(record, gathered);
  }
}

Curve best_curve(const std::string& operation, const Gathered& gathered,
                 std::vector<std::string>& notes) {
  const auto found = gathered.by_operation.find(operation);
  if (found == gathered.by_operation.end()) return {};
  const auto& [variant, best] = *std::ranges::max_element(found->second, {}, [](const auto& entry) {
    return std::pair(entry.second.preference, entry.second.points.size());
  });
  if (!best.type.empty() && best.type != "bfloat16") {
    notes.push_back(fmt::format("{} was measured in {}, not bfloat16", operation, best.type));
  }
  if (best.suspect > 0) {
    notes.push_back(fmt::format("{} of {} {} points are suspect: {}", best.suspect,
                                best.points.size(), operation, best.suspicion));
  }
  return Curve(best.points);
}

}  // namespace

std::string_view kind_name(FabricKind kind) {
  return std::ranges::find(kKinds, kind, &std::pair<FabricKind, std::string_view>::first)->second;
}

Band band_of(const Fabric& fabric, const CurveTime& time) {
  if (fabric.kind == FabricKind::kPublished) {
    return {time.time_s, time.time_s, time.time_s * kPublishedSlack};
  }
  return {time.interval_s.low, time.time_s, time.interval_s.high};
}

Fabrics fabrics_of(std::span<const ResultFile> files, std::uint64_t ranks) {
  std::map<std::string, Gathered> by_name;
  for (const auto& file : files) {
    const auto name = std::string(file.context_value("wiretax_fabric"));
    if (name.empty() || !has_collectives(file)) continue;
    const auto kind = kind_of(file);
    const auto [entry, fresh] = by_name.try_emplace(name);
    if (!fresh && entry->second.kind != kind) {
      throw InputError(fmt::format("{}: fabric '{}' is {} here and {} in another file",
                                   file.path.string(), name, kind_name(kind),
                                   kind_name(entry->second.kind)));
    }
    entry->second.kind = kind;
    add_file(file, ranks, entry->second);
  }
  Fabrics fabrics;
  for (auto& [name, gathered] : by_name) {
    Fabric fabric;
    fabric.name = name;
    fabric.kind = gathered.kind;
    fabric.ranks = ranks;
    fabric.notes = std::move(gathered.notes);
    fabric.all_reduce = best_curve("all_reduce", gathered, fabric.notes);
    fabric.all_gather = best_curve("all_gather", gathered, fabric.notes);
    fabric.send_recv = best_curve("send_recv", gathered, fabric.notes);
    if (gathered.invalid > 0) {
      fabric.notes.push_back(fmt::format("invalid points left out: {}", gathered.invalid));
    }
    if (fabric.all_reduce.empty()) {
      fabrics.notes.push_back(fmt::format("{}: no chained all_reduce of {} ranks", name, ranks));
    } else {
      fabrics.usable.push_back(std::move(fabric));
    }
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
