#include "report/transport/reasons.h"

#include <fmt/format.h>

#include <array>

#include "report/catalogue.h"

namespace wiretax {
namespace {

using Findings = std::vector<Finding>;

const LoggedSetting* setting_of(const Process& process, const std::string& name) {
  const auto found = process.settings.find(name);
  return found == process.settings.end() ? nullptr : &found->second;
}

void add_settings(const Process& process, Findings& findings) {
  const auto* const disable = setting_of(process, "NCCL_IB_DISABLE");
  if (disable != nullptr && disable->value != "0") {
    findings.push_back({"ib-disabled",
                        true,
                        fmt::format("NCCL_IB_DISABLE={} on {}", disable->value, name_of(process)),
                        {disable->line}});
  }
  const auto* const network = setting_of(process, "NCCL_NET");
  if (network != nullptr && lower_case(network->value) == "socket") {
    findings.push_back({"net-forced-socket",
                        true,
                        fmt::format("NCCL_NET={} on {}", network->value, name_of(process)),
                        {network->line}});
  }
}

void add_signs(const Process& process, Findings& findings) {
  struct Entry {
    Sign sign;
    const char* symptom;
    const char* text;
  };
  static constexpr std::array<Entry, 4> kEntries = {{
      {Sign::kLibibverbs, "libibverbs-missing", "libibverbs could not be loaded on {}"},
      {Sign::kNoInterface, "no-ip-interface", "no IP interface was found on {}"},
      {Sign::kOpenFailed, "device-not-openable", "a device could not be opened on {}"},
      {Sign::kQueryFailed, "device-query-failed", "a device could not be queried on {}"},
  }};
  for (const auto& [sign, symptom, text] : kEntries) {
    const auto found = process.signs.find(sign);
    if (found == process.signs.end()) continue;
    findings.push_back(
        {symptom, true, fmt::format(fmt::runtime(text), name_of(process)), {found->second}});
  }
}

/// "No device found" follows from any of the others, so it counts only alone.
void add_no_device(const Process& process, Findings& findings) {
  const auto found = process.signs.find(Sign::kNoDevice);
  if (found == process.signs.end() || !findings.empty()) return;
  if (const auto* const filter = setting_of(process, "NCCL_IB_HCA")) {
    findings.push_back({"hca-filter",
                        false,
                        fmt::format("no device was found on {} with NCCL_IB_HCA={}",
                                    name_of(process), filter->value),
                        {filter->line, found->second}});
  }
  findings.push_back(
      {"no-usable-device",
       findings.empty(),
       fmt::format("no device was found on {}; the log does not tell which of three causes",
                   name_of(process)),
       {found->second}});
}

/// NCCL's own network did not start: proof of a fallback, and where nothing else is said, all
/// there is.
void add_ib_failed(const Process& process, Findings& findings) {
  const auto found = process.signs.find(Sign::kIbFailed);
  if (found == process.signs.end()) return;
  if (!findings.empty()) return findings.front().lines.push_back(found->second);
  findings.push_back({"no-usable-device",
                      false,
                      fmt::format("NET/IB did not start on {}; NCCL_DEBUG_SUBSYS=INIT,NET,ENV may "
                                  "say why",
                                  name_of(process)),
                      {found->second}});
}

std::string where_of(const Process& process, const Failure& failure) {
  return failure.device.empty() ? name_of(process)
                                : fmt::format("{} of {}", failure.device, name_of(process));
}

Findings queue_pair_reasons(const Process& process, const Failure& failure) {
  const auto where = where_of(process, failure);
  const auto* const pinned = setting_of(process, "NCCL_IB_GID_INDEX");
  const auto index =
      pinned == nullptr ? std::string() : fmt::format(", with NCCL_IB_GID_INDEX={}", pinned->value);
  const auto finding = [&](const char* symptom, bool certain, std::string_view what) {
    return Finding{symptom, certain, fmt::format("{}: {}{}", where, what, index), {failure.line}};
  };
  switch (failure.code) {
    case 61:
      return {finding("gid-index-empty", true, "the GID index is empty (61)")};
    case 22:
      if (failure.link_local) {
        return {finding("gid-link-local", true, "the peer's GID does not fit (22)")};
      }
      return {finding("gid-link-local", false, "the peer's GID or MTU does not fit (22)"),
              finding("mtu-mismatch", false, "the peer's GID or MTU does not fit (22)")};
    case 101:
    case 113:
      return {
          finding("peer-unreachable", true,
                  failure.code == 101 ? "network unreachable (101)" : "no route to host (113)")};
    case 110:
      if (failure.link_local) {
        return {finding("gid-link-local", true, "timed out (110), its GID is link-local"),
                finding("half-without-ipv4", false, "timed out (110), its GID is link-local")};
      }
      return {finding("ports-paired-wrong", false, "the peer's address is not reached (110)"),
              finding("gid-link-local", false, "the peer's address is not reached (110)")};
    default:
      return {finding("queue-pair-failed", true,
                      fmt::format("ibv_modify_qp failed ({})", failure.code))};
  }
}

Findings completion_reasons(const Process& process, const Failure& failure) {
  const auto text =
      fmt::format("{}: a transfer ended with status {}", where_of(process, failure), failure.code);
  if (failure.code != 12) return {{"queue-pair-failed", true, text, {failure.line}}};
  return {{"mtu-mismatch", false, text + ", no answer from the peer", {failure.line}},
          {"packet-loss", false, text + ", no answer from the peer", {failure.line}},
          {"firewall", false, text + ", no answer from the peer", {failure.line}}};
}

Findings wrong_type_reasons(const Process& process, const Failure& failure) {
  const auto name = [](int type) {
    return type == 3 ? "Socket" : type == 4 ? "IB" : "something else";
  };
  return {{"mixed-networks",
           true,
           fmt::format("{} uses {}, its peer {}", name_of(process), name(failure.other),
                       name(failure.code)),
           {failure.line}}};
}

Findings reasons_of(const Process& process, const Failure& failure) {
  switch (failure.kind) {
    case Failure::Kind::kQueuePair:
      return queue_pair_reasons(process, failure);
    case Failure::Kind::kCompletion:
      return completion_reasons(process, failure);
    case Failure::Kind::kWrongType:
      return wrong_type_reasons(process, failure);
    case Failure::Kind::kMemory:
      break;
  }
  const auto text = fmt::format("{}: memory could not be registered (12)", name_of(process));
  return {{"memlock-limit", false, text, {failure.line}},
          {"kho-kernel", false, text, {failure.line}}};
}

}  // namespace

std::string name_of(const Process& process) {
  return fmt::format("host {} (pid {})", process.host, process.pid);
}

std::vector<Finding> fallback_reasons(const Process& process) {
  Findings findings;
  add_settings(process, findings);
  add_signs(process, findings);
  add_no_device(process, findings);
  add_ib_failed(process, findings);
  if (findings.empty() && process.ib_line) {
    findings.push_back({"net-forced-socket",
                        false,
                        fmt::format("{} found RDMA devices and yet took sockets", name_of(process)),
                        {*process.ib_line}});
  }
  return findings;
}

std::vector<Finding> failure_reasons(const Process& process) {
  Findings findings;
  for (const auto& failure : process.failures) {
    for (auto& finding : reasons_of(process, failure)) findings.push_back(std::move(finding));
  }
  if (const auto found = process.signs.find(Sign::kVersionsDiffer); found != process.signs.end()) {
    findings.push_back(
        {"nccl-version-mismatch", true, "said by " + name_of(process), {found->second}});
  }
  if (const auto found = process.signs.find(Sign::kIbRequired); found != process.signs.end()) {
    findings.push_back({"ib-required", true, "said by " + name_of(process), {found->second}});
    for (auto& finding : fallback_reasons(process)) findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace wiretax
