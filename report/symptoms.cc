#include "report/symptoms.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>

#include "report/catalogue.h"
#include "report/config_fields.h"
#include "report/embedded.h"

namespace wiretax {
namespace {

Severity read_severity(const ConfigFields& fields) {
  const auto name = fields.text("severity");
  for (const auto severity : {Severity::kFault, Severity::kWarning, Severity::kInfo}) {
    if (name == severity_name(severity)) return severity;
  }
  fields.fail("severity", "fault, warning or info");
}

std::vector<std::string> read_observers(const ConfigFields& fields) {
  const auto* const list = fields.find("seen_by");
  if (list == nullptr || !list->is_array() || list->empty()) fields.fail("seen_by", "missing");
  auto observers = list->get<std::vector<std::string>>();
  for (const auto& observer : observers) {
    if (observer != "doctor" && observer != "log" && observer != "report") {
      fields.fail("seen_by", "doctor, log or report");
    }
  }
  return observers;
}

std::string read_text(const ConfigFields& fields, std::string_view field) {
  auto text = fields.text(field);
  if (text.empty()) fields.fail(field, "missing");
  return text;
}

Symptom read_symptom(const EmbeddedFile& file) {
  const auto origin = fmt::format("symptoms/{}.json", file.name);
  const auto document = parse_object(file.text, origin);
  const ConfigFields fields(document, origin);
  Symptom symptom;
  symptom.id = file.name;
  symptom.group = read_text(fields, "group");
  symptom.severity = read_severity(fields);
  symptom.seen_by = read_observers(fields);
  symptom.symptom = read_text(fields, "symptom");
  symptom.cause = read_text(fields, "cause");
  symptom.evidence = read_text(fields, "evidence");
  symptom.fix = read_text(fields, "fix");
  if (fields.has("source")) symptom.source = read_text(fields, "source");
  return symptom;
}

std::string markdown_of(const Symptom& symptom) {
  auto text = fmt::format("### {}\n\n{}\n\n", symptom.id, symptom.symptom);
  text += fmt::format("- {}, seen by: {}\n", severity_name(symptom.severity),
                      fmt::join(symptom.seen_by, ", "));
  text += fmt::format("- Cause: {}\n- Evidence: {}\n- Fix: {}\n", symptom.cause, symptom.evidence,
                      symptom.fix);
  if (!symptom.source.empty()) text += fmt::format("- Source: {}\n", symptom.source);
  return text + "\n";
}

}  // namespace

std::string_view severity_name(Severity severity) {
  switch (severity) {
    case Severity::kFault:
      return "fault";
    case Severity::kWarning:
      return "warning";
    case Severity::kInfo:
      return "info";
  }
  return {};
}

const std::vector<Symptom>& symptom_catalogue() {
  static const auto kSymptoms = [] {
    std::vector<Symptom> all(kEmbeddedSymptoms.size());
    std::ranges::transform(kEmbeddedSymptoms, all.begin(), read_symptom);
    std::ranges::sort(all, {},
                      [](const Symptom& symptom) { return std::tie(symptom.group, symptom.id); });
    return all;
  }();
  return kSymptoms;
}

const Symptom& find_symptom(std::string_view id) {
  const auto& all = symptom_catalogue();
  const auto wanted = lower_case(id);
  const auto found = std::ranges::find(all, wanted, &Symptom::id);
  if (found != all.end()) return *found;
  std::vector<std::string> ids;
  ids.reserve(all.size());
  for (const auto& symptom : all) ids.push_back(symptom.id);
  throw UnknownName(unknown_name_text("symptom", id, ids));
}

std::string symptoms_markdown() {
  std::string text =
      "# What goes wrong, and what to type\n\n"
      "Made by `wiretax-report symptoms --markdown` from report/symptoms; change it there.\n"
      "`doctor` looks at a machine before a run, `log` is `wiretax-report transport`, `report` "
      "reads results.\n";
  std::string_view group;
  for (const auto& symptom : symptom_catalogue()) {
    if (symptom.group != group) text += fmt::format("\n## {}\n\n", symptom.group);
    group = symptom.group;
    text += markdown_of(symptom);
  }
  text.pop_back();
  return text;
}

}  // namespace wiretax
