#include <nlohmann/json.hpp>

#include "report/commands/explanation_text.h"
#include "report/explain/line_rates.h"
#include "report/strategies.h"
#include "report/units.h"

namespace wiretax {
namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson band_json(const Band& band) {
  return {{"low", band.low}, {"mid", band.mid}, {"high", band.high}};
}

OrderedJson wire_json(const Reading& reading) {
  const auto& wire = *reading.wire;
  OrderedJson json = {{"bytes", wire.bytes},
                      {"count", wire.count},
                      {"each_s", band_json(wire.each_s)},
                      {"rest_s", band_json(wire.rest_s)},
                      {"rest_from", reading.rest_from},
                      {"at_most", reading.at_most}};
  if (reading.tells_of_the_wire() && wire.bytes >= kRateBytes) {
    const auto rate = wire.link_bytes_per_s();
    json["link_bytes_per_s"] = band_json(rate);
    json["nearest_line_rate"] = nearest_line_rate(rate).line->name;
  }
  return json;
}

OrderedJson reading_json(const Reading& reading) {
  OrderedJson json = {{"test", reading.seen.name()},
                      {"tokens_per_s", reading.seen.tokens_per_s},
                      {"seen_s", reading.seen_s},
                      {"possible", reading.possible}};
  if (reading.floor_s > 0) json["ceiling_tokens_per_s"] = reading.ceiling_tokens_per_s();
  if (!reading.possible && reading.needed_tokens_per_step > 0) {
    json["needed_tokens_per_step"] = reading.needed_tokens_per_step;
    json["needed_memory_bytes_per_s"] = reading.needed_bytes_per_s;
  }
  if (reading.drafting) {
    json["needed_drafting"] = {{"tokens_per_step", reading.drafting->tokens_per_step},
                               {"drafts", reading.drafting->drafts}};
  }
  if (reading.wire) json["all_reduce"] = wire_json(reading);
  if (!reading.cannot.empty()) json["cannot"] = reading.cannot;
  json["expected"] = OrderedJson::array();
  for (const auto& expected : reading.expected) {
    json["expected"].push_back({{"fabric", expected.fabric},
                                {"published", expected.published},
                                {"tokens_per_s", band_json(expected.tokens_per_s)}});
  }
  return json;
}

OrderedJson explanation_object(const Explanation& explanation) {
  const auto& claim = *explanation.claim;
  OrderedJson json = {{"title", claim.title},
                      {"model", claim.model.name},
                      {"quant", claim.model.quant.name},
                      {"strategy", strategy_name(claim.layout, claim.ranks)},
                      {"machine", claim.machine.name},
                      {"possible", explanation.possible()},
                      {"sentence", explanation.sentence},
                      {"assumptions",
                       {{"efficiency", band_json(claim.machine.efficiency)},
                        {"fixed_s", band_json(claim.machine.fixed_s)},
                        {"gamma", band_json(claim.gamma)},
                        {"tokens_per_step", claim.tokens_per_step},
                        {"context", claim.context}}}};
  for (const char* const list : {"readings", "matches", "predictions", "hypotheses"}) {
    json[list] = OrderedJson::array();
  }
  for (const auto& reading : explanation.readings)
    json["readings"].push_back(reading_json(reading));
  for (const auto& match : explanation.matches) {
    json["matches"].push_back({{"fabric", match.fabric},
                               {"published", match.published},
                               {"least", match.least},
                               {"most", match.most}});
  }
  for (const auto& row : explanation.predictions) {
    json["predictions"].push_back(
        {{"test", row.name}, {"seen", row.seen}, {"log_log", row.log_log}, {"line", row.line}});
  }
  for (const auto& h : explanation.hypotheses) {
    json["hypotheses"].push_back({{"id", h.id},
                                  {"what", h.what},
                                  {"fit", fit_name(h.fit)},
                                  {"because", h.because},
                                  {"confirm", h.confirm},
                                  {"refute", h.refute}});
  }
  json["notes"] = explanation.notes;
  json["next"] = explanation.next;
  return json;
}

}  // namespace

std::string explanation_json(std::span<const Explanation> explanations,
                             std::span<const std::string> contradictions,
                             std::span<const std::string> statements) {
  OrderedJson json = {{"schema", 1}, {"claims", OrderedJson::array()}};
  for (const auto& explanation : explanations) {
    json["claims"].push_back(explanation_object(explanation));
  }
  json["conflicts"] = std::vector<std::string>(contradictions.begin(), contradictions.end());
  json["statements"] = std::vector<std::string>(statements.begin(), statements.end());
  return json.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

}  // namespace wiretax
