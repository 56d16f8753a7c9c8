#include "report/page/doctor_findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "report/json_depth.h"
#include "report/record.h"

namespace wiretax {
namespace {

using DoctorJson = nlohmann::json;

constexpr std::array kSeverities = {"fault", "warning", "info"};

std::string text_at(const DoctorJson& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

const DoctorJson& list_at(const DoctorJson& object, const char* key) {
  static const auto kNone = DoctorJson::array();
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : kNone;
}

DoctorFinding finding_of(const DoctorJson& json) {
  return {.id = text_at(json, "id"),
          .severity = text_at(json, "severity"),
          .who = text_at(json, "who"),
          .evidence = text_at(json, "evidence"),
          .fix = text_at(json, "fix")};
}

}  // namespace

DoctorFindings parse_doctor_findings(std::string_view text, const std::filesystem::path& path) {
  const auto document = parse_shallow(text);
  if (!document.is_object()) {
    throw InputError(fmt::format("{}: this is not what wiretax-doctor writes", path.string()));
  }
  DoctorFindings doctor = {.examined = true, .hosts = {}, .findings = {}};
  for (const auto& finding : list_at(document, "findings")) {
    if (!finding.is_object() || text_at(finding, "id").empty()) {
      throw InputError(fmt::format("{}: a finding without its id", path.string()));
    }
    doctor.findings.push_back(finding_of(finding));
    if (std::ranges::count(kSeverities, doctor.findings.back().severity) == 0) {
      throw InputError(fmt::format("{}: a finding whose severity is not known", path.string()));
    }
  }
  for (const auto& host : list_at(document, "hosts")) {
    if (!host.is_object()) continue;
    if (const auto name = text_at(host, "host"); !name.empty()) doctor.hosts.push_back(name);
  }
  return doctor;
}

}  // namespace wiretax
