#include "bench/doctor/finding.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>

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
  std::map<std::array<std::string, 3>, std::size_t> told;
  for (const auto& host : hosts) {
    Findings findings(host.who);
    for (const auto check : kOfOne) check(host, findings);
    for (const auto& finding : findings.all()) {
      // What ranks of one machine have in common is told once, of all of them.
      const auto [known, is_new] =
          told.try_emplace({host.boot_id, finding.id, finding.evidence}, all.size());
      if (is_new) {
        all.push_back(finding);
      } else if (!all[known->second].who.ends_with(finding.who)) {
        all[known->second].who += " and " + finding.who;
      }
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
