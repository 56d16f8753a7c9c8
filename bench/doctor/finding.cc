#include "bench/doctor/finding.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace wiretax::doctor {

void Findings::add(const std::string& id, std::string evidence, std::string fix) {
  add(id, find_symptom(id).severity, std::move(evidence), std::move(fix));
}

void Findings::add(const std::string& id, Severity severity, std::string evidence,
                   std::string fix) {
  if (fix.empty()) fix = find_symptom(id).fix;
  all_.push_back({id, who_, std::move(evidence), std::move(fix), severity});
}

std::vector<Finding> examine(const std::vector<Evidence>& hosts) {
  constexpr std::array kOfOne = {check_devices, check_ports, check_addresses,
                                 check_system,  check_nccl,  check_nccl_devices};
  std::vector<Finding> all;
  const auto take = [&](const Findings& findings) {
    std::ranges::copy(findings.all(), std::back_inserter(all));
  };
  for (const auto& host : hosts) {
    Findings findings(host.who);
    for (const auto check : kOfOne) check(host, findings);
    take(findings);
  }
  Findings between;
  check_pairs(hosts, between);
  check_sameness(hosts, between);
  take(between);
  std::ranges::stable_sort(all, {}, &Finding::severity);
  return all;
}

}  // namespace wiretax::doctor
