#include "report/serving_json.h"

#include <nlohmann/json.hpp>

namespace wiretax {
namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson band(const std::optional<Band>& value) {
  if (!value) return {};
  return {{"low", value->low}, {"mid", value->mid}, {"high", value->high}};
}

/// What computing takes is part of the time only where the rate is known; the wire always is.
OrderedJson prefill_json(const Prefill& prefill) {
  return {{"prompts", prefill.prompts.count},
          {"tokens_each", prefill.prompts.length},
          {"chunks", prefill.chunks},
          {"wire_s", prefill.parts.wire_s},
          {"weights_s", prefill.parts.weights_s},
          {"compute_s", prefill.time_s ? OrderedJson(prefill.parts.compute_s) : OrderedJson()},
          {"fixed_s", prefill.parts.fixed_s},
          {"time_s", band(prefill.time_s)},
          {"tokens_per_s", band(prefill.tokens_per_s())}};
}

OrderedJson serving_json(const Serving& serving) {
  OrderedJson json = {{"token_interval_s", band(serving.token_interval_s)}};
  const auto& throughput = serving.throughput;
  json["output_tokens_per_s"] = throughput ? band(throughput->output_tokens_per_s) : OrderedJson();
  json["total_tokens_per_s"] = throughput ? band(throughput->total_tokens_per_s) : OrderedJson();
  json["decode_share"] = throughput ? OrderedJson(throughput->decode_share) : OrderedJson();
  json["reason"] = serving.reason.empty() ? OrderedJson() : OrderedJson(serving.reason);
  return json;
}

}  // namespace

void add_serving(const Row& row, OrderedJson& json) {
  json["prefill"] = row.serving ? prefill_json(row.serving->prefill) : OrderedJson();
  json["serving"] = row.serving ? serving_json(*row.serving) : OrderedJson();
  if (!row.why.empty()) json["why"] = row.why;
}

void add_workload(const Request& request, OrderedJson& json) {
  json["drafts"] = request.drafts;
  json["accepted"] = request.accepted;
  json["prefill_flops_per_s"] = band(request.machine.prefill_flops_per_s);
  const auto& shape = request.shape;
  json["input"] = shape ? OrderedJson(shape->input) : OrderedJson();
  json["output"] = shape ? OrderedJson(shape->output) : OrderedJson();
  json["chunk"] = shape ? OrderedJson(shape->chunk) : OrderedJson();
}

}  // namespace wiretax
