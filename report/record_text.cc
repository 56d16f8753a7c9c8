#include "report/record_text.h"

#include "report/units.h"

namespace wiretax {

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kValid:
      return "valid";
    case Verdict::kSuspect:
      return "suspect";
    case Verdict::kSkipped:
      return "skipped";
    case Verdict::kInvalid:
      break;
  }
  return "invalid";
}

std::string verdict_text(const Record& record, const Ink& ink) {
  const auto reason = printable(record.reason);
  switch (record.verdict) {
    case Verdict::kValid:
      return ink.good("valid");
    case Verdict::kSuspect:
      return ink.doubtful("SUSPECT") + ": " + reason;
    case Verdict::kSkipped:
      return "skipped: " + reason;
    case Verdict::kInvalid:
      return ink.bad("INVALID") + ": " + reason;
  }
  return {};
}

std::string time_text(const Record& record, std::string_view counter) {
  const auto microseconds = record.counter(counter);
  return microseconds ? format_seconds(*microseconds * kMicrosecond) : "-";
}

}  // namespace wiretax
