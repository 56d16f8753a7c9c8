// Published numbers that ship with the program.

#include <fmt/format.h>

#include <algorithm>

#include "report/catalogue.h"
#include "report/config_fields.h"
#include "report/embedded.h"
#include "report/explain/claim.h"
#include "report/explain/statements.h"

namespace wiretax {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kLongestExampleContext = 10'000'000;

std::string optional_text(const ConfigFields& fields, std::string_view field) {
  return fields.has(field) ? fields.text(field) : std::string{};
}

Claim read_claim(const Json& object, const std::string& origin) {
  const ConfigFields fields(object, origin, "claims.");
  Claim claim;
  claim.title = fields.text("title");
  claim.model = find_model(fields.text("model"));
  claim.machine = find_machine(fields.text("machine"));
  claim.gamma = gamma_of(claim.machine);
  const auto strategy = parse_layout(fields.text("strategy"));
  claim.layout = strategy.layout;
  claim.ranks = strategy.ranks;
  claim.observed = parse_observations(fields.text("observed"));
  if (fields.has("baseline")) claim.baseline = parse_observations(fields.text("baseline"));
  claim.beats = optional_text(fields, "beats");
  claim.context = fields.count_or("context", kLongestExampleContext, claim.context);
  claim.same_fabric = fields.flag("same_fabric").value_or(false);
  return claim;
}

const Json& list_of(const ConfigFields& fields, std::string_view field) {
  static const Json kNone = Json::array();
  const auto* const list = fields.find(field);
  return list == nullptr ? kNone : *list;
}

}  // namespace

std::vector<std::string> example_names() {
  std::vector<std::string> names;
  names.reserve(kEmbeddedExamples.size());
  for (const auto& file : kEmbeddedExamples) names.emplace_back(file.name);
  return names;
}

Example find_example(std::string_view name) {
  const auto wanted = lower_case(name);
  const auto same = [&](const EmbeddedFile& file) { return lower_case(file.name) == wanted; };
  const auto found = std::ranges::find_if(kEmbeddedExamples, same);
  if (found == kEmbeddedExamples.end()) {
    throw UnknownName(unknown_name_text("example", name, example_names()));
  }
  const auto origin = fmt::format("examples/{}.json", found->name);
  const auto document = parse_object(found->text, origin);
  const ConfigFields fields(document, origin);
  Example example{std::string(found->name), fields.text("title"), fields.text("source"), {}, {}};
  for (const auto& claim : list_of(fields, "claims")) {
    example.claims.push_back(read_claim(claim, origin));
  }
  for (const auto& statement : list_of(fields, "statements")) {
    example.statements.push_back(work_out(statement, origin));
  }
  return example;
}

}  // namespace wiretax
