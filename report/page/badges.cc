#include "report/page/badges.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "report/fabric.h"

namespace wiretax {
namespace {

void add_badge(std::vector<Badge>& badges, Tone tone, std::string text) {
  const bool told =
      std::ranges::any_of(badges, [&](const Badge& badge) { return badge.text == text; });
  if (!told) badges.push_back({tone, std::move(text)});
}

void add_transport(const ResultFile& file, std::vector<Badge>& badges) {
  const auto json = nlohmann::json::parse(file.context_value("wiretax_transport"), nullptr, false);
  if (!json.is_object() || !json.contains("verdict") || !json["verdict"].is_string()) return;
  const auto verdict = json["verdict"].get<std::string>();
  const auto fabric = file.context_value("wiretax_fabric");
  if (verdict == "RDMA") {
    add_badge(badges, Tone::kGood, fmt::format("{} used RDMA, proved by NCCL's log", fabric));
  } else {
    const bool unknown = verdict == "INCONCLUSIVE";
    add_badge(badges,
              unknown || verdict == "P2P" || verdict == "SHM" ? Tone::kDoubtful : Tone::kBad,
              unknown ? fmt::format("what carried {} is not proved", fabric)
                      : fmt::format("{} used {}, not RDMA", fabric, verdict));
  }
}

void add_kind(const ResultFile& file, std::vector<Badge>& badges) {
  const auto kind = file.context_value("wiretax_fabric_kind");
  const auto fabric = file.context_value("wiretax_fabric");
  if (kind == kind_name(FabricKind::kLoopback) || kind == kind_name(FabricKind::kSharedMemory)) {
    add_badge(badges, Tone::kDoubtful, fmt::format("{} is not a network", fabric));
  } else if (kind == kind_name(FabricKind::kHostMpi)) {
    add_badge(badges, Tone::kDoubtful, fmt::format("{} is not your engine's path", fabric));
  }
}

void add_ending(const ResultFile& file, std::vector<Badge>& badges) {
  const auto status = file.context_value("wiretax_status");
  if (status.empty() || status == "complete") return;
  add_badge(badges, Tone::kBad,
            fmt::format("{}: {}", file.path.filename().string(),
                        status == "running" ? "still running, or killed" : status));
}

std::string counted(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

void add_doctor(const DoctorFindings& doctor, std::vector<Badge>& badges) {
  const auto count = [&](std::string_view severity) {
    return static_cast<std::size_t>(
        std::ranges::count(doctor.findings, severity, &DoctorFinding::severity));
  };
  if (!doctor.examined) {
    add_badge(badges, Tone::kPlain, "not examined by wiretax-doctor");
  } else if (count("fault") > 0) {
    add_badge(badges, Tone::kBad, fmt::format("doctor: {}", counted(count("fault"), "fault")));
  } else if (count("warning") > 0) {
    add_badge(badges, Tone::kDoubtful,
              fmt::format("doctor: {}", counted(count("warning"), "warning")));
  } else {
    add_badge(badges, Tone::kGood, "doctor: no fault");
  }
}

void add_doubts(const PageRun& run, std::vector<Badge>& badges) {
  std::size_t points = 0;
  std::size_t suspect = 0;
  std::size_t invalid = 0;
  for (const auto& file : run.files) {
    for (const auto& record : file.records) {
      ++points;
      if (record.verdict == Verdict::kSuspect) ++suspect;
      if (record.verdict == Verdict::kInvalid) ++invalid;
    }
  }
  if (suspect > 0) {
    add_badge(badges, Tone::kDoubtful,
              fmt::format("{} of {} suspect", suspect, counted(points, "point")));
  }
  if (invalid > 0) {
    add_badge(badges, Tone::kBad, fmt::format("{} invalid", counted(invalid, "point")));
  }
}

/// Where only published fabrics decide, the answer is not of this run.
void add_source(const PageRun& run, std::vector<Badge>& badges) {
  for (const auto& at : run.decided) {
    bool measured = false;
    bool published = false;
    for (const auto& fabric : at.request.fabrics) {
      measured = measured || fabric.kind == FabricKind::kEngine;
      published = published || fabric.kind == FabricKind::kPublished;
    }
    if (published && !measured) {
      add_badge(badges, Tone::kDoubtful,
                "the answer rests on published figures, not on a measurement of yours");
    }
  }
}

}  // namespace

std::vector<Badge> badges_of(const PageRun& run) {
  std::vector<Badge> badges;
  add_source(run, badges);
  for (const auto& file : run.files) {
    const auto mark = file.context_value("wiretax_mark");
    if (!mark.empty()) add_badge(badges, Tone::kDoubtful, std::string(mark));
  }
  for (const auto& file : run.files) add_transport(file, badges);
  for (const auto& file : run.files) add_kind(file, badges);
  for (const auto& file : run.files) add_ending(file, badges);
  add_doctor(run.doctor, badges);
  add_doubts(run, badges);
  return badges;
}

}  // namespace wiretax
