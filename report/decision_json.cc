#include <nlohmann/json.hpp>

#include "report/decide.h"
#include "report/serving_json.h"

namespace wiretax {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr int kDecisionSchema = 1;
constexpr int kIndent = 2;

OrderedJson band(const Band& value) {
  return {{"low", value.low}, {"mid", value.mid}, {"high", value.high}};
}

OrderedJson parts(const Parts& value) {
  return {{"weights", value.weights_s},
          {"kv", value.kv_s},
          {"wire", value.wire_s},
          {"compute", value.compute_s},
          {"fixed", value.fixed_s}};
}

/// Numbers of a strategy that cannot run are null, not 0.
OrderedJson row_json(const Row& row) {
  OrderedJson json = {{"model", row.model},     {"quant", row.quant},   {"batch", row.batch},
                      {"context", row.context}, {"fabric", row.fabric}, {"strategy", row.strategy},
                      {"fits", row.fits}};
  json["step_s"] = row.fits ? band(row.step_s) : OrderedJson();
  json["tokens_per_s"] = row.fits ? band(row.tokens_per_s) : OrderedJson();
  json["parts_s"] = row.fits ? parts(row.parts) : OrderedJson();
  json["wire_share"] = row.fits ? OrderedJson(row.parts.wire_s / row.parts.total()) : OrderedJson();
  const auto& all_reduce = row.all_reduce;
  json["allreduce_bytes"] = all_reduce ? OrderedJson(all_reduce->bytes) : OrderedJson();
  json["allreduce_s"] = all_reduce ? OrderedJson(all_reduce->time_s.mid) : OrderedJson();
  json["break_even_allreduce_s"] =
      row.break_even_s ? OrderedJson(*row.break_even_s) : OrderedJson();
  json["break_even_against"] = row.break_even_s ? OrderedJson(row.rival) : OrderedJson();
  json["reason"] = row.reason.empty() ? OrderedJson() : OrderedJson(row.reason);
  add_serving(row, json);
  return json;
}

OrderedJson answer_json(const Answer& answer) {
  return {
      {"model", answer.model},
      {"quant", answer.quant},
      {"batch", answer.batch},
      {"context", answer.context},
      {"fabric", answer.fabric},
      {"winner", answer.winner.empty() ? OrderedJson() : OrderedJson(answer.winner)},
      {"verdict", answer_kind_name(answer.kind)},
      {"contenders", answer.contenders.empty() ? OrderedJson() : OrderedJson(answer.contenders)},
      {"flips_on", answer.flips_on.empty() ? OrderedJson() : OrderedJson(answer.flips_on)},
      {"sentence", answer.sentence}};
}

OrderedJson stretch_json(const Stretch& stretch) {
  return {{"model", stretch.model},
          {"quant", stretch.quant},
          {"fabric", stretch.fabric},
          {"from_batch", stretch.from_batch},
          {"to_batch", stretch.to_batch},
          {"verdict", answer_kind_name(stretch.kind)},
          {"winner", stretch.winner.empty() ? OrderedJson() : OrderedJson(stretch.winner)}};
}

/// Numbers of a path that nobody measured are null.
OrderedJson fallback_json(const Fallback& fallback) {
  const bool known = !fallback.fabric.empty();
  const auto number = [&](double value) { return known ? OrderedJson(value) : OrderedJson(); };
  return {
      {"model", fallback.model},
      {"quant", fallback.quant},
      {"batch", fallback.batch},
      {"path", path_name(fallback.path)},
      {"fabric", known ? OrderedJson(fallback.fabric) : OrderedJson()},
      {"engines_path", known ? OrderedJson(fallback.decides) : OrderedJson()},
      {"step_s", number(fallback.step_s)},
      {"tokens_per_s", number(fallback.tokens_per_s)},
      {"allreduce_bytes", fallback.all_reduce_bytes},
      {"allreduce_s", number(fallback.all_reduce_s)},
      {"break_even_allreduce_s",
       fallback.break_even_s ? OrderedJson(*fallback.break_even_s) : OrderedJson()},
      {"break_even_against", fallback.break_even_s ? OrderedJson(fallback.rival) : OrderedJson()}};
}

OrderedJson assumptions_json(const Request& request, const Decision& decision) {
  const auto& machine = request.machine;
  OrderedJson fabrics = OrderedJson::array();
  for (const auto& fabric : request.fabrics) {
    fabrics.push_back({{"name", fabric.name}, {"kind", kind_name(fabric.kind)}});
  }
  OrderedJson json = {
      {"machine", machine.name},
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
      {"kv_bits",
       request.models.empty() ? OrderedJson() : OrderedJson(request.models.front().kv_bits)},
      {"unusable", request.unusable.empty() ? OrderedJson() : OrderedJson(request.unusable)},
      {"notes", decision.notes}};
  add_workload(request, json);
  return json;
}

}  // namespace

std::string decision_json(const Request& request, const Decision& decision) {
  OrderedJson document = {
      {"schema", kDecisionSchema},         {"assumptions", assumptions_json(request, decision)},
      {"rows", OrderedJson::array()},      {"answers", OrderedJson::array()},
      {"stretches", OrderedJson::array()}, {"fallbacks", OrderedJson::array()}};
  for (const auto& row : decision.rows) document["rows"].push_back(row_json(row));
  for (const auto& answer : decision.answers) document["answers"].push_back(answer_json(answer));
  for (const auto& stretch : decision.stretches) {
    document["stretches"].push_back(stretch_json(stretch));
  }
  for (const auto& fallback : decision.fallbacks) {
    document["fallbacks"].push_back(fallback_json(fallback));
  }
  return document.dump(kIndent, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

}  // namespace wiretax
