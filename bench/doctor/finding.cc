#include "bench/doctor/finding.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

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
  std::set<std::array<std::string, 3>> told;
  for (const auto& host : hosts) {
    Findings findings(host.who);
    for (const auto check : kOfOne) check(host, findings);
    for (const auto& finding : findings.all()) {
      // What ranks of one machine have in common is told once.
      if (told.insert({host.boot_id, finding.id, finding.evidence}).second) all.push_back(finding);
    }
  }
  Findings between;
  check_pairs(hosts, between);
  check_sameness(hosts, between);
  std::ranges::copy(between.all(), std::back_inserter(all));
  std::ranges::stable_sort(all, {}, &Finding::severity);
  return all;
}

}  // namespace wiretax::doctor
