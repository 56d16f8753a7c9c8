// Any bytes as a log of NCCL: read, judged, and written as JSON. Two files are separated by a byte
// 0.

#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>
#include <string_view>

#include "report/symptoms.h"
#include "report/transport/report_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto zero = text.find('\0');
  wiretax::NcclLog log;
  std::istringstream first(std::string(text.substr(0, zero)));
  log.read(first, "first");
  if (zero != std::string_view::npos) {
    std::istringstream second(std::string(text.substr(zero + 1)));
    log.read(second, "second");
  }
  const auto report = wiretax::judge(log);
  // A verdict other than inconclusive has lines that prove it, and every finding is in the
  // catalogue.
  using wiretax::Transport;
  if (report.conclusion.transport != Transport::kInconclusive && report.conclusion.proof.empty()) {
    std::abort();
  }
  for (const auto& job : report.jobs) {
    for (const auto& finding : job.findings) wiretax::find_symptom(finding.symptom);
  }
  if (wiretax::transport_json(report).empty()) std::abort();
  return 0;
}
