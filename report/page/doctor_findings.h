#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace wiretax {

struct DoctorFinding {
  std::string id;
  std::string severity;  // "fault", "warning" or "info"
  std::string who;       // "" of several hosts together
  std::string evidence;
  std::string fix;
};

/// doctor.json, as wiretax-doctor writes it.
struct DoctorFindings {
  bool examined = false;  // there was such a file
  std::vector<std::string> hosts;
  std::vector<DoctorFinding> findings;
};

/// Throws InputError on what is no such file. A file without findings has none.
DoctorFindings parse_doctor_findings(std::string_view text, const std::filesystem::path& path);

}  // namespace wiretax
