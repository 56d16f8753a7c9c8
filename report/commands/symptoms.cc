#include "report/symptoms.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "report/commands/commands.h"

namespace wiretax {
namespace {

nlohmann::ordered_json json_of(const Symptom& symptom) {
  nlohmann::ordered_json json = {{"id", symptom.id},
                                 {"group", symptom.group},
                                 {"severity", severity_name(symptom.severity)},
                                 {"seen_by", symptom.seen_by},
                                 {"symptom", symptom.symptom},
                                 {"cause", symptom.cause},
                                 {"evidence", symptom.evidence},
                                 {"fix", symptom.fix}};
  if (!symptom.source.empty()) json["source"] = symptom.source;
  return json;
}

void print_one(const Symptom& symptom, const Ink& ink) {
  fmt::print("{} ({}, seen by {})\n", ink.bold(symptom.id), severity_name(symptom.severity),
             fmt::join(symptom.seen_by, ", "));
  fmt::print("{}\ncause:    {}\nevidence: {}\nfix:      {}\n", symptom.symptom, symptom.cause,
             symptom.evidence, symptom.fix);
  if (!symptom.source.empty()) fmt::print("source:   {}\n", symptom.source);
}

void print_list(const Ink& ink) {
  using enum Table::Align;
  Table table({{"symptom", kLeft}, {"severity", kLeft}, {"seen by", kLeft}, {"what", kLeft}});
  for (const auto& symptom : symptom_catalogue()) {
    table.add({symptom.id, std::string(severity_name(symptom.severity)),
               fmt::format("{}", fmt::join(symptom.seen_by, " ")), symptom.symptom});
  }
  fmt::print("{}\n`wiretax-report symptoms NAME` says cause, evidence and fix.\n", table.text(ink));
}

void print_json(const SymptomsOptions& options) {
  if (!options.id.empty()) {
    fmt::print("{}\n", json_of(find_symptom(options.id)).dump(2));
    return;
  }
  auto all = nlohmann::ordered_json::array();
  for (const auto& symptom : symptom_catalogue()) all.push_back(json_of(symptom));
  fmt::print("{}\n", all.dump(2));
}

}  // namespace

int run_symptoms(const SymptomsOptions& options) {
  const Ink ink(options.colour);
  if (options.json) {
    print_json(options);
  } else if (options.markdown) {
    fmt::print("{}", symptoms_markdown());
  } else if (options.id.empty()) {
    print_list(ink);
  } else {
    print_one(find_symptom(options.id), ink);
  }
  return 0;
}

}  // namespace wiretax
