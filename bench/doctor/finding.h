#pragma once

#include <string>
#include <vector>

#include "bench/doctor/evidence.h"
#include "report/symptoms.h"

namespace wiretax::doctor {

/// A symptom of the catalogue that was found.
struct Finding {
  std::string id;
  std::string who;       // a host or rank; "" of several together
  std::string evidence;  // what was seen
  std::string fix;
  Severity severity = Severity::kFault;
};

/// Collects what the checks of one host find.
class Findings {
 public:
  explicit Findings(std::string who = {}) : who_(std::move(who)) {}

  /// By an identifier of the catalogue, whose severity and, without one here, whose fix it has.
  void add(const std::string& id, std::string evidence, std::string fix = {});
  /// Less serious, or more, than the catalogue says: here it matters that much.
  void add(const std::string& id, Severity severity, std::string evidence, std::string fix = {});

  [[nodiscard]] const std::vector<Finding>& all() const { return all_; }

 private:
  std::string who_;
  std::vector<Finding> all_;
};

/// All checks: of each host by itself, then of all together. Faults first.
std::vector<Finding> examine(const std::vector<Evidence>& hosts);

// The checks, by what they look at.
void check_devices(const Evidence& host, Findings& findings);
void check_ports(const Evidence& host, Findings& findings);
void check_addresses(const Evidence& host, Findings& findings);
void check_system(const Evidence& host, Findings& findings);
void check_nccl(const Evidence& host, Findings& findings);
void check_nccl_devices(const Evidence& host, Findings& findings);
void check_pairs(const std::vector<Evidence>& hosts, Findings& findings);
void check_sameness(const std::vector<Evidence>& hosts, Findings& findings);

}  // namespace wiretax::doctor
