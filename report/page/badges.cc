#include "report/page/badges.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "report/aftermath.h"
#include "report/fabric.h"
#include "report/json_depth.h"

namespace wiretax {
namespace {

/// What holds of several networks is one badge.
class Badges {
 public:
  void add(Tone tone, std::string text, std::string_view fabric = {}) {
    auto found = std::ranges::find_if(
        list_, [&](const Entry& entry) { return entry.tone == tone && entry.text == text; });
    if (found == list_.end()) found = list_.insert(found, {tone, std::move(text), {}});
    auto& fabrics = found->fabrics;
    if (!fabric.empty() && std::ranges::count(fabrics, fabric) == 0) fabrics.emplace_back(fabric);
  }

  [[nodiscard]] std::vector<Badge> list() const {
    std::vector<Badge> badges;
    for (const auto& [tone, text, fabrics] : list_) {
      badges.push_back(
          {tone, fabrics.empty() ? text : fmt::format("{}: {}", fmt::join(fabrics, ", "), text)});
    }
    return badges;
  }

 private:
  struct Entry {
    Tone tone;
    std::string text;
    std::vector<std::string> fabrics;
  };
  std::vector<Entry> list_;
};

void add_transport(const ResultFile& file, Badges& badges) {
  const auto json = parse_shallow(file.context_value("wiretax_transport"));
  if (!json.is_object() || !json.contains("verdict") || !json["verdict"].is_string()) return;
  const auto verdict = json["verdict"].get<std::string>();
  const auto fabric = file.context_value("wiretax_fabric");
  if (verdict == "RDMA") {
    badges.add(Tone::kGood, "RDMA, proved by NCCL's log", fabric);
  } else if (verdict == "INCONCLUSIVE") {
    badges.add(Tone::kDoubtful, "what carried it is not proved", fabric);
  } else if (verdict == "SOCKET" && json.value("required", nlohmann::json()) == "socket") {
    badges.add(Tone::kPlain, "TCP, as asked, to price a fallback", fabric);
  } else {
    const bool inside = verdict == "P2P" || verdict == "SHM";
    badges.add(inside ? Tone::kDoubtful : Tone::kBad, fmt::format("{}, not RDMA", verdict), fabric);
  }
}

void add_kind(const ResultFile& file, Badges& badges) {
  const auto kind = file.context_value("wiretax_fabric_kind");
  const auto fabric = file.context_value("wiretax_fabric");
  if (kind == kind_name(FabricKind::kLoopback) || kind == kind_name(FabricKind::kSharedMemory)) {
    badges.add(Tone::kDoubtful, "not a network", fabric);
  } else if (kind == kind_name(FabricKind::kHostMpi)) {
    badges.add(Tone::kDoubtful, "not your engine's path", fabric);
  }
  if (file.context_value("transport").starts_with("soft-RoCE")) {
    badges.add(Tone::kDoubtful, "RDMA in software (soft-RoCE), no hardware");
  }
}

void add_ending(const ResultFile& file, Badges& badges) {
  const auto status = file.context_value("wiretax_status");
  if (status.empty() || status == "complete") return;
  badges.add(Tone::kBad, fmt::format("{}: {}", file.path.filename().string(),
                                     status == "running" ? "still running, or killed" : status));
}

std::string counted(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

void add_doctor(const DoctorFindings& doctor, Badges& badges) {
  const auto count = [&](std::string_view severity) {
    return static_cast<std::size_t>(
        std::ranges::count(doctor.findings, severity, &DoctorFinding::severity));
  };
  if (!doctor.examined) {
    badges.add(Tone::kPlain, "not examined by wiretax-doctor");
  } else if (count("fault") > 0) {
    badges.add(Tone::kBad, fmt::format("doctor: {}", counted(count("fault"), "fault")));
  } else if (count("warning") > 0) {
    badges.add(Tone::kDoubtful, fmt::format("doctor: {}", counted(count("warning"), "warning")));
  } else {
    badges.add(Tone::kGood, "doctor: no fault");
  }
}

void add_doubts(const PageRun& run, Badges& badges) {
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
    badges.add(Tone::kDoubtful, fmt::format("{} of {} suspect", suspect, counted(points, "point")));
  }
  if (invalid > 0) {
    badges.add(Tone::kBad, fmt::format("{} invalid", counted(invalid, "point")));
  }
}

/// Where only published fabrics decide, the answer is not of this run.
void add_source(const PageRun& run, Badges& badges) {
  for (const auto& at : run.decided) {
    bool measured = false;
    bool published = false;
    for (const auto& fabric : at.request.fabrics) {
      measured = measured || fabric.kind == FabricKind::kEngine;
      published = published || fabric.kind == FabricKind::kPublished;
    }
    if (published && !measured) {
      badges.add(Tone::kDoubtful,
                 "the answer rests on published figures, not on a measurement of yours");
    }
  }
}

}  // namespace

std::vector<Badge> badges_of(const PageRun& run) {
  Badges badges;
  add_source(run, badges);
  for (const auto& file : run.files) {
    const auto mark = file.context_value("wiretax_mark");
    if (!mark.empty()) badges.add(Tone::kDoubtful, std::string(mark));
  }
  for (const auto& file : run.files) add_transport(file, badges);
  for (const auto& file : run.files) add_kind(file, badges);
  for (const auto& file : run.files) add_ending(file, badges);
  add_doctor(run.doctor, badges);
  if (const auto seen = aftermath(run.files).size(); seen > 0) {
    badges.add(Tone::kDoubtful, fmt::format("{} in the results", counted(seen, "warning")));
  }
  add_doubts(run, badges);
  return badges.list();
}

}  // namespace wiretax
