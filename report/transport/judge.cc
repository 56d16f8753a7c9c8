#include "report/transport/judge.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "report/symptoms.h"
#include "report/transport/communicator_judge.h"
#include "report/transport/networks.h"
#include "report/transport/reasons.h"

namespace wiretax {
namespace {

constexpr std::size_t kMostProofLines = 6;

bool is_local(Transport transport) {
  return transport == Transport::kP2p || transport == Transport::kShm;
}

const Failure* wrong_type(const JobReport& job, const std::vector<Process>& processes) {
  for (const auto index : job.processes) {
    for (const auto& failure : processes[index].failures) {
      if (failure.kind == Failure::Kind::kWrongType && failure.code != failure.other)
        return &failure;
    }
  }
  return nullptr;
}

/// Networks of all processes of the job, those of idle communicators too, with a line for each.
std::map<std::string, Evidence> networks_of(const JobReport& job,
                                            const std::vector<Process>& processes) {
  std::map<std::string, Evidence> lines;
  for (const auto index : job.processes) {
    for (const auto& network : processes[index].networks)
      lines.try_emplace(network.name, network.line);
  }
  return lines;
}

bool spans_hosts(const JobReport& job, const std::vector<Process>& processes) {
  const auto& first = processes[job.processes.front()].host;
  return std::ranges::any_of(job.processes, [&](auto i) { return processes[i].host != first; }) ||
         std::ranges::any_of(job.communicators, [](const CommunicatorReport& one) {
           const auto transport = one.conclusion.transport;
           return !is_local(transport) && transport != Transport::kInconclusive;
         });
}

/// Idle communicators count only where all are.
std::vector<const CommunicatorReport*> deciding(const JobReport& job) {
  std::vector<const CommunicatorReport*> busy;
  std::vector<const CommunicatorReport*> all;
  for (const auto& one : job.communicators) {
    all.push_back(&one);
    if (!one.idle) busy.push_back(&one);
  }
  return busy.empty() ? all : busy;
}

Conclusion mixed(const JobReport& job, const std::vector<Process>& processes) {
  const auto lines = networks_of(job, processes);
  std::vector<std::string> names;
  Conclusion conclusion{Transport::kMixed, {}, {}};
  for (const auto& [name, line] : lines) {
    names.push_back(name);
    conclusion.proof.push_back(line);
  }
  conclusion.because =
      names.size() < 2 ? "some communicators use RDMA, others sockets"
                       : fmt::format("ranks or communicators use {}", fmt::join(names, " and "));
  for (const auto& one : job.communicators) {
    if (is_local(one.conclusion.transport) || one.conclusion.proof.empty()) continue;
    conclusion.proof.push_back(one.conclusion.proof.back());
    if (conclusion.proof.size() >= kMostProofLines) break;
  }
  return conclusion;
}

Conclusion conclude_job(const JobReport& job, const std::vector<Process>& processes) {
  if (const auto* const failure = wrong_type(job, processes)) {
    return {Transport::kMixed, "one rank uses sockets and its peer does not", {failure->line}};
  }
  const auto candidates = deciding(job);
  if (candidates.empty()) return {};
  std::set<Transport> transports;
  for (const auto* const one : candidates) transports.insert(one->conclusion.transport);
  const auto networks = networks_of(job, processes);
  const bool both =
      transports.contains(Transport::kRdma) && transports.contains(Transport::kSocket);
  const bool differ = networks.size() > 1 && networks.contains("Socket") &&
                      !std::ranges::all_of(transports, is_local) && spans_hosts(job, processes);
  if (both || differ) return mixed(job, processes);
  const auto worst = std::ranges::max_element(
      candidates, {}, [](const auto* one) { return one->conclusion.transport; });
  return (*worst)->conclusion;
}

int severity_rank(const Finding& finding) {
  return static_cast<int>(find_symptom(finding.symptom).severity) * 2 + (finding.certain ? 0 : 1);
}

bool uses_sockets(const Process& process) {
  return std::ranges::any_of(process.networks,
                             [](const Network& network) { return network.name == "Socket"; });
}

void append(std::vector<Finding>& all, std::vector<Finding> more) {
  for (auto& finding : more) all.push_back(std::move(finding));
}

std::string plural(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

void note_repeats(JobReport& job, const TransportReport& report) {
  if (std::ranges::none_of(job.processes, [&](auto i) { return report.processes[i].repeated; })) {
    return;
  }
  job.notes.emplace_back(
      "Ray left out lines of other ranks that look alike: RAY_DEDUP_LOGS=0 shows them all");
}

void note_warnings(JobReport& job, const TransportReport& report) {
  std::size_t count = 0;
  const Evidence* first = nullptr;
  for (const auto index : job.processes) {
    const auto& process = report.processes[index];
    count += process.unknown_warnings;
    if (first == nullptr && process.unknown_warning) first = &*process.unknown_warning;
  }
  if (first == nullptr) return;
  job.notes.push_back(fmt::format("{} {} not understood, the first: {}:{}: {}",
                                  plural(count, "warning"), count == 1 ? "was" : "were",
                                  first->file, first->line, first->text));
}

void explain(JobReport& job, const TransportReport& report) {
  const auto transport = job.conclusion.transport;
  const auto version = report.versions.size() == 1 ? *report.versions.begin() : std::string();
  for (const auto index : job.processes) {
    const auto& process = report.processes[index];
    append(job.findings, failure_reasons(process));
    if (!is_local(transport) && uses_sockets(process)) {
      auto reasons = fallback_reasons(process);
      if (reasons.empty() && job.notes.empty()) {
        job.notes.push_back(
            fmt::format("the log of {} does not say why it took sockets: run again with "
                        "NCCL_DEBUG_SUBSYS=INIT,NET,ENV",
                        name_of(process)));
      }
      append(job.findings, std::move(reasons));
    }
    if (process.networks.empty() && process.signs.contains(Sign::kNoInterface)) {
      append(job.findings, fallback_reasons(process));
    }
    append(job.findings, hints_of(process, report.memberships, version));
  }
  if (transport == Transport::kMixed) {
    append(job.findings, differences_of(job.processes, report.processes));
    if (wrong_type(job, report.processes) == nullptr) {
      job.findings.push_back({"mixed-networks", true, job.conclusion.because, {}});
    }
  }
  note_repeats(job, report);
  note_warnings(job, report);
  std::ranges::stable_sort(job.findings, {}, severity_rank);
}

std::string name_in(const std::vector<NetDevice>& devices, int index) {
  const auto found = std::ranges::find(devices, index, &NetDevice::index);
  return found == devices.end() ? std::string() : found->name;
}

/// Processes that print a line or two and take part in nothing, e.g. one that only makes the
/// identifier.
bool is_silent(const JobReport& job, const std::vector<Process>& processes) {
  return std::ranges::all_of(job.processes, [&](auto i) {
    const auto& process = processes[i];
    return process.memberships.empty() && process.networks.empty() && process.failures.empty() &&
           process.signs.empty();
  });
}

/// Why there is nothing to judge.
std::string without_jobs(const NcclLog& log) {
  const auto where =
      log.files().size() == 1 ? log.files().front() : plural(log.files().size(), "file");
  if (log.nccl_lines() == 0) {
    return fmt::format(
        "no line of {} is NCCL's: run with NCCL_DEBUG=INFO, and take all of the output", where);
  }
  return fmt::format("{} has lines of NCCL, but none of level INFO: run with NCCL_DEBUG=INFO",
                     where);
}

}  // namespace

std::string_view transport_name(Transport transport) {
  switch (transport) {
    case Transport::kP2p:
      return "P2P";
    case Transport::kShm:
      return "SHM";
    case Transport::kRdma:
      return "RDMA";
    case Transport::kInconclusive:
      return "INCONCLUSIVE";
    case Transport::kMixed:
      return "MIXED";
    case Transport::kSocket:
      return "SOCKET";
  }
  return {};
}

int exit_code(Transport transport) {
  if (transport == Transport::kInconclusive) return 3;
  return transport == Transport::kMixed || transport == Transport::kSocket ? 5 : 0;
}

std::string device_name(const Process& process, const ChannelKind& kind) {
  if (kind.transport == "NET/Socket") return name_in(process.socket_interfaces, kind.device);
  auto name = name_in(process.virtual_devices, kind.device);
  return name.empty() ? name_in(process.ib_devices, kind.device) : name;
}

const std::string& fix_of(const Finding& finding) {
  return finding.fix.empty() ? find_symptom(finding.symptom).fix : finding.fix;
}

bool over_nvlink(const Membership& membership, const Process& process) {
  const bool direct = std::ranges::any_of(membership.channels, [](const auto& channel) {
    return channel.first.transport.starts_with("P2P/");
  });
  return direct && (membership.mnnvl || process.signs.contains(Sign::kNvlink));
}

TransportReport judge(const NcclLog& log) {
  TransportReport report;
  report.files = log.files();
  report.versions = log.versions();
  report.lines = log.lines();
  report.nccl_lines = log.nccl_lines();
  report.processes = log.processes();
  report.memberships = log.memberships();
  for (auto& job : settle(report.processes, report.memberships)) {
    auto& judged = report.jobs.emplace_back();
    judged.processes = std::move(job.processes);
    for (auto& communicator : job.communicators) {
      judged.communicators.push_back(
          judge_communicator(std::move(communicator), report.processes, report.memberships));
    }
    judged.conclusion = conclude_job(judged, report.processes);
    explain(judged, report);
  }
  const auto silent = [&](const JobReport& job) { return is_silent(job, report.processes); };
  if (!std::ranges::all_of(report.jobs, silent)) std::erase_if(report.jobs, silent);
  const auto worst = std::ranges::max_element(
      report.jobs, {}, [](const JobReport& job) { return job.conclusion.transport; });
  if (worst != report.jobs.end()) report.conclusion = worst->conclusion;
  if (log.info_lines() == 0 && report.conclusion.transport == Transport::kInconclusive) {
    report.conclusion = {Transport::kInconclusive, without_jobs(log), {}};
  }
  return report;
}

}  // namespace wiretax
