#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace wiretax {

enum class Severity { kFault, kWarning, kInfo };

/// Something that goes wrong, or only looks so: a file of report/symptoms. The identifier is
/// stable; programs refer to symptoms by nothing else.
struct Symptom {
  std::string id;  // "gid-index-empty"
  std::string group;
  Severity severity = Severity::kFault;
  std::vector<std::string> seen_by;  // of doctor, log, report
  std::string symptom;               // what the user sees
  std::string cause;
  std::string evidence;  // what a program can see of it
  std::string fix;
  std::string source;  // empty: common knowledge of the field
};

/// Ordered by group, then by identifier.
const std::vector<Symptom>& symptom_catalogue();

/// Throws UnknownName, with those that are near.
const Symptom& find_symptom(std::string_view id);

std::string_view severity_name(Severity severity);

/// The catalogue as a page of the documentation.
std::string symptoms_markdown();

}  // namespace wiretax
