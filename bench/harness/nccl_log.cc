#include "bench/harness/nccl_log.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <set>
#include <sstream>

#include "bench/harness/failure.h"
#include "report/symptoms.h"
#include "report/transport/log.h"

namespace wiretax::bench {
namespace {

constexpr off_t kMost = off_t{4} << 20;  // bytes of one rank

}  // namespace

NcclLogFile::NcclLogFile(bool everything) : file_(memfd_create("nccl-log", 0)) {
  if (file_ < 0) throw system_failure(ExitCode::kEnvironment, "memfd_create", errno);
  // Whoever set these wants to see the log; here it is read.
  setenv("NCCL_DEBUG", "INFO", 1);
  setenv("NCCL_DEBUG_SUBSYS", everything ? "INIT,NET,ENV,TUNING,GRAPH,P2P,SHM" : "INIT,NET,ENV", 1);
  setenv("NCCL_DEBUG_FILE", fmt::format("/proc/self/fd/{}", file_).c_str(), 1);
}

NcclLogFile::~NcclLogFile() { close(file_); }

std::string NcclLogFile::text() const {
  struct stat status {};
  if (fstat(file_, &status) != 0) return {};
  std::string text(static_cast<std::size_t>(std::min(status.st_size, kMost)), '\0');
  const auto length = pread(file_, text.data(), text.size(), 0);
  text.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
  text.resize(text.rfind('\n') + 1);
  return text;
}

TransportReport judge_logs(const std::vector<std::string>& logs,
                           const std::vector<std::string>& names) {
  NcclLog log;
  for (std::size_t i = 0; i < logs.size(); ++i) {
    std::istringstream stream(logs[i]);
    log.read(stream, names[i]);
  }
  return judge(log);
}

std::string faults_of(const TransportReport& report) {
  std::vector<std::string> said;
  std::set<std::string> known;  // the same of another rank says nothing new
  for (const auto& job : report.jobs) {
    for (const auto& finding : job.findings) {
      if (find_symptom(finding.symptom).severity != Severity::kFault) continue;
      if (!known.insert(finding.symptom).second) continue;
      said.push_back(fmt::format("{} [{}]: {}", finding.text, finding.symptom, fix_of(finding)));
    }
  }
  return fmt::format("{}", fmt::join(said, "; "));
}

}  // namespace wiretax::bench
