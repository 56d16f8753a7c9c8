#include "report/commands/transport_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "report/symptoms.h"
#include "report/units.h"

namespace wiretax {
namespace {

constexpr std::size_t kLongestLine = 160;
constexpr std::size_t kMostRows = 64;
constexpr std::size_t kMostTuning = 24;
constexpr std::size_t kMostOfOne = 4;  // findings; the same of more hosts says nothing new

std::string shortened(std::string_view text) {
  const auto shown = printable(text.substr(0, kLongestLine));
  return text.size() > kLongestLine ? shown + " ..." : shown;
}

std::string marked(Transport transport, const Ink& ink) {
  const auto name = transport_name(transport);
  if (exit_code(transport) == 0) return ink.good(name);
  return transport == Transport::kInconclusive ? ink.doubtful(name) : ink.bad(name);
}

std::string lines_text(const std::vector<Evidence>& lines, std::string_view indent) {
  std::string text;
  for (const auto& line : lines) {
    text +=
        fmt::format("{}{}:{}: {}\n", indent, printable(line.file), line.line, shortened(line.text));
  }
  return text;
}

/// "2 processes on 2 hosts, NCCL 2.28.9+cuda13.0"
std::string size_of(const JobReport& job, const TransportReport& report) {
  std::set<std::string> hosts;
  auto versions = report.jobs.size() == 1 ? report.versions : std::set<std::string>();
  for (const auto index : job.processes) {
    const auto& process = report.processes[index];
    hosts.insert(process.host);
    if (!process.version.empty()) versions.insert(process.version);
  }
  const auto text =
      fmt::format("{} process{} on {} host{}{}{}", job.processes.size(),
                  job.processes.size() == 1 ? "" : "es", hosts.size(), hosts.size() == 1 ? "" : "s",
                  versions.empty() ? "" : ", NCCL ", fmt::join(versions, " and "));
  return shortened(text);
}

std::string finding_text(const Finding& finding, const Ink& ink) {
  const auto& symptom = find_symptom(finding.symptom);
  const auto& id = finding.symptom;
  auto text = fmt::format("  {}{}: {}\n", finding.certain ? "" : "maybe ",
                          symptom.severity == Severity::kFault ? ink.bad(id) : ink.doubtful(id),
                          shortened(finding.text));
  return text + lines_text(finding.lines, "    ");
}

/// Each fix once, in the order in which they first stand.
std::string fixes_text(const JobReport& job) {
  std::string text;
  std::set<std::string> said;
  for (const auto& finding : job.findings) {
    if (find_symptom(finding.symptom).severity == Severity::kInfo) continue;
    auto line = fmt::format("  {}: {}\n", finding.symptom, printable(fix_of(finding)));
    if (said.insert(line).second) text += line;
  }
  return text;
}

std::string findings_text(const JobReport& job, const Ink& ink) {
  std::string text;
  std::string known;
  std::map<std::string, std::size_t> counts;
  for (const auto& finding : job.findings) {
    const bool info = find_symptom(finding.symptom).severity == Severity::kInfo;
    if (++counts[finding.symptom] > kMostOfOne) continue;
    if (info) {
      known += fmt::format("  {}: {}\n", finding.symptom, shortened(finding.text));
    } else {
      text += finding_text(finding, ink);
    }
  }
  for (const auto& [symptom, count] : counts) {
    if (count <= kMostOfOne) continue;
    const bool info = find_symptom(symptom).severity == Severity::kInfo;
    (info ? known : text) +=
        fmt::format("  {}: and {} more, in --json\n", symptom, count - kMostOfOne);
  }
  for (const auto& note : job.notes) text += fmt::format("  {}\n", shortened(note));
  if (!text.empty()) text = fmt::format("\n{}\n{}", ink.bold("Found"), text);
  if (const auto fixes = fixes_text(job); !fixes.empty()) {
    text += fmt::format("\n{}\n{}", ink.bold("What to do"), fixes);
  }
  if (!known.empty()) text += fmt::format("\n{}\n{}", ink.bold("Good to know"), known);
  return text;
}

/// "NET/IB/0 rocep1s0f1 (p1/A)", "P2P/CUMEM (NVLink)"
std::string path_of(const ChannelKind& kind, const Process& process, bool nvlink) {
  if (!kind.is_net()) {
    return kind.transport + (nvlink && kind.transport.starts_with("P2P/") ? " (NVLink)" : "");
  }
  auto text = fmt::format("{}/{}", kind.transport, kind.device);
  const auto name = device_name(process, kind);
  if (!name.empty()) text += " " + name;
  if (const auto half = spark_half(name); !half.empty()) text += fmt::format(" ({})", half);
  return text;
}

std::string channels_text(const Membership& membership, const Process& process) {
  const bool nvlink = over_nvlink(membership, process);
  std::map<std::string, std::set<int>> paths;
  for (const auto& [kind, use] : membership.channels) {
    paths[path_of(kind, process, nvlink)].insert(use.channels.begin(), use.channels.end());
  }
  std::vector<std::string> parts;
  parts.reserve(paths.size());
  for (const auto& [path, channels] : paths)
    parts.push_back(fmt::format("{} x {}", channels.size(), path));
  return parts.empty() ? "none seen" : fmt::format("{}", fmt::join(parts, ", "));
}

/// The channels say it; the flag of the rings only where there are none.
std::string gdr_text(const Membership& membership) {
  if (membership.network && membership.network->name == "Socket") return "-";
  std::set<bool> seen;
  for (const auto& [kind, use] : membership.channels) {
    if (kind.is_net()) seen.insert(kind.gdr);
  }
  if (seen.size() == 2) return "some";
  if (seen.size() == 1) return *seen.begin() ? "yes" : "no";
  if (membership.ring_gdr) return *membership.ring_gdr ? "yes" : "no";
  return "-";
}

std::string devices_text(const Process& process) {
  std::vector<std::string> names;
  names.reserve(process.ib_devices.size());
  for (const auto& device : process.ib_devices) names.push_back(device.name);
  return names.empty() ? "-" : fmt::format("{}", fmt::join(names, ","));
}

std::string ranks_text(const JobReport& job, const TransportReport& report, const Ink& ink) {
  using enum Table::Align;
  Table table({{"communicator", kLeft},
               {"rank"},
               {"host", kLeft},
               {"pid"},
               {"network", kLeft},
               {"RDMA devices", kLeft},
               {"GDR", kLeft},
               {"channels", kLeft}});
  std::size_t rows = 0;
  for (const auto& one : job.communicators) {
    for (const auto index : one.communicator.members) {
      if (++rows > kMostRows) continue;
      const auto& membership = report.memberships[index];
      const auto& process = report.processes[membership.process];
      const auto& id = one.communicator.id;
      table.add({shortened(id.empty() ? "?" : id),
                 membership.rank < 0 ? "?" : fmt::format("{}", membership.rank),
                 shortened(process.host), fmt::format("{}", process.pid),
                 membership.network ? shortened(membership.network->name) : "?",
                 shortened(devices_text(process)), gdr_text(membership),
                 shortened(channels_text(membership, process))});
    }
  }
  auto text = fmt::format("\n{}", table.text(ink));
  if (text.find("/A)") != std::string::npos || text.find("/B)") != std::string::npos) {
    text += "p0, p1: the cage. A, B: its half, a PCIe link of its own (domains 0 and 2).\n";
  }
  if (rows > kMostRows) text += fmt::format("{} more ranks are in --json.\n", rows - kMostRows);
  return text;
}

std::string tuning_text(const JobReport& job, const TransportReport& report, const Ink& ink) {
  using enum Table::Align;
  Table table(
      {{"operation", kLeft}, {"size"}, {"algorithm", kLeft}, {"protocol", kLeft}, {"channels"}});
  std::size_t rows = 0;
  for (const auto index : job.processes) {
    for (const auto& [what, tuning] : report.processes[index].tuning) {
      if (++rows > kMostTuning) break;
      table.add({what.first.empty() ? "?" : shortened(what.first), format_bytes(what.second),
                 shortened(tuning.algorithm), shortened(tuning.protocol),
                 tuning.channels > 0 ? fmt::format("{}", tuning.channels) : "-"});
    }
    if (rows > 0) break;  // ranks say the same
  }
  if (table.empty()) return {};
  return fmt::format("\n{}{}", table.text(ink), rows > kMostTuning ? "More are in --json.\n" : "");
}

std::string job_text(const JobReport& job, const TransportReport& report, const Ink& ink) {
  auto text = fmt::format("{}: {}. {}.\n", marked(job.conclusion.transport, ink),
                          shortened(job.conclusion.because), size_of(job, report));
  if (!job.conclusion.proof.empty()) {
    text += fmt::format("\n{}\n{}", ink.bold("Because of"), lines_text(job.conclusion.proof, "  "));
  }
  return text + findings_text(job, ink) + ranks_text(job, report, ink) +
         tuning_text(job, report, ink);
}

}  // namespace

std::string transport_text(const TransportReport& report, const Ink& ink) {
  if (report.jobs.size() == 1 &&
      report.conclusion.because == report.jobs.front().conclusion.because) {
    return job_text(report.jobs.front(), report, ink);
  }
  auto text = fmt::format("{}: {}.\n", marked(report.conclusion.transport, ink),
                          shortened(report.conclusion.because));
  std::size_t number = 0;
  for (const auto& job : report.jobs) {
    text +=
        fmt::format("\n{} ", ink.bold(fmt::format("Job {} of {}:", ++number, report.jobs.size())));
    text += job_text(job, report, ink);
  }
  return text;
}

}  // namespace wiretax
