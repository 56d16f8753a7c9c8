// Text for the page: a doctor.json, a result file, or an InputError; redacted and escaped, none of
// it is markup.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "report/page/doctor_findings.h"
#include "report/page/html.h"
#include "report/page/page.h"
#include "report/page/redaction.h"
#include "report/record.h"

namespace wiretax {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_text(Redaction& redaction, std::string_view text) {
  const auto redacted = redaction.text(text);
  require(html_text(redacted).find_first_of("<>\"'") == std::string::npos);
  require(json_in_html(redacted).find('<') == std::string::npos);
}

std::size_t scripts_in(std::string_view html) {
  std::size_t count = 0;
  for (auto at = html.find("<script"); at != html.npos; at = html.find("<script", at + 1)) ++count;
  return count;
}

void check_page(Redaction& redaction, std::string_view text) {
  static const auto kScripts = scripts_in(page_html({}));
  Page page;
  page.runs.resize(1);
  try {
    page.runs.front().files.push_back(parse_result_file(text, "run.json"));
  } catch (const InputError&) {
    return;
  }
  redaction.learn(page.runs.front());
  require(scripts_in(page_html(page)) == kScripts);
  require(scripts_in(page_html(page, &redaction)) == kScripts);
}

}  // namespace
}  // namespace wiretax

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  wiretax::Redaction redaction;
  try {
    const auto doctor = wiretax::parse_doctor_findings(text, "doctor.json");
    for (const auto& host : doctor.hosts) redaction.add_host(host);
    for (const auto& finding : doctor.findings) {
      wiretax::require(!finding.id.empty());
      wiretax::check_text(redaction, finding.evidence);
    }
  } catch (const wiretax::InputError& error) {
    wiretax::require(*error.what() != '\0');
  }
  wiretax::check_text(redaction, text);
  wiretax::check_page(redaction, text);
  return 0;
}
