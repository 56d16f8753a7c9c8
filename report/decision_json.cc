#include <nlohmann/json.hpp>

#include "report/decide.h"

namespace wiretax {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kDecisionSchema = 1;
constexpr int kIndent = 2;

Json band(const Band& value) {
  return {{"low", value.low}, {"mid", value.mid}, {"high", value.high}};
}

Json parts(const Parts& value) {
  return {{"weights", value.weights_s},
          {"kv", value.kv_s},
          {"wire", value.wire_s},
          {"compute", value.compute_s},
          {"fixed", value.fixed_s}};
}

/// Numbers of a strategy that cannot run are null, not 0.
Json row_json(const Row& row) {
  Json json = {{"model", row.model},     {"quant", row.quant},   {"batch", row.batch},
               {"context", row.context}, {"fabric", row.fabric}, {"strategy", row.strategy},
               {"fits", row.fits}};
  json["step_s"] = row.fits ? band(row.step_s) : Json();
  json["tokens_per_s"] = row.fits ? band(row.tokens_per_s) : Json();
  json["parts_s"] = row.fits ? parts(row.parts) : Json();
  json["wire_share"] = row.fits ? Json(row.parts.wire_s / row.parts.total()) : Json();
  const auto& all_reduce = row.all_reduce;
  json["allreduce_bytes"] = all_reduce ? Json(all_reduce->bytes) : Json();
  json["allreduce_s"] = all_reduce ? Json(all_reduce->time_s.mid) : Json();
  json["break_even_allreduce_s"] = all_reduce ? Json(all_reduce->break_even_s) : Json();
  json["reason"] = row.reason.empty() ? Json() : Json(row.reason);
  return json;
}

Json answer_json(const Answer& answer) {
  return {{"model", answer.model},
          {"batch", answer.batch},
          {"context", answer.context},
          {"fabric", answer.fabric},
          {"winner", answer.winner.empty() ? Json() : Json(answer.winner)},
          {"verdict", answer_kind_name(answer.kind)},
          {"flips_on", answer.flips_on.empty() ? Json() : Json(answer.flips_on)},
          {"sentence", answer.sentence}};
}

Json assumptions_json(const Request& request, const Decision& decision) {
  const auto& machine = request.machine;
  Json fabrics = Json::array();
  for (const auto& fabric : request.fabrics) {
    fabrics.push_back({{"name", fabric.name}, {"kind", kind_name(fabric.kind)}});
  }
  return {{"machine", machine.name},
          {"ranks", request.ranks},
          {"context", request.context},
          {"memory_bytes", machine.memory_bytes},
          {"reserve_bytes", machine.reserve_bytes},
          {"memory_bytes_per_s", machine.memory_bytes_per_s},
          {"compute_flops_per_s", machine.compute_flops_per_s},
          {"compute_verified", machine.compute_verified},
          {"efficiency", band(machine.efficiency)},
          {"fixed_s", band(machine.fixed_s)},
          {"gamma", band(request.gamma)},
          {"fabrics", fabrics},
          {"notes", decision.notes}};
}

}  // namespace

std::string decision_json(const Request& request, const Decision& decision) {
  Json document = {{"schema", kDecisionSchema},
                   {"assumptions", assumptions_json(request, decision)},
                   {"rows", Json::array()},
                   {"answers", Json::array()}};
  for (const auto& row : decision.rows) document["rows"].push_back(row_json(row));
  for (const auto& answer : decision.answers) document["answers"].push_back(answer_json(answer));
  return document.dump(kIndent, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace wiretax
