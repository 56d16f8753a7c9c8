#include "report/commands/model_json.h"

#include <nlohmann/json.hpp>

#include "report/traffic.h"

namespace wiretax {
namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson messages_json(const std::vector<Message>& messages) {
  OrderedJson list = OrderedJson::array();
  for (const auto& message : messages) {
    list.push_back({{"operation", message.operation},
                    {"bytes", message.bytes},
                    {"count", message.count},
                    {"purpose", message.purpose}});
  }
  return list;
}

/// The parts that there are, with their parameters or bits.
OrderedJson parts_json(const PerPart& parameters, const PerPart& values) {
  OrderedJson parts = OrderedJson::object();
  for (const auto& part : kParts) {
    if (parameters.*part.value > 0) parts[part.name] = values.*part.value;
  }
  return parts;
}

OrderedJson cache_json(const Model& model) {
  return {{"layers", model.kv_layers},       {"sliding_layers", model.sliding_layers},
          {"window", model.window},          {"latent_dim", model.latent_dim},
          {"bits", model.kv_bits},           {"bytes_per_token", model.kv_bytes_per_token()},
          {"state_bytes", model.state_bytes}};
}

OrderedJson draft_json(const Model& model) {
  const auto& draft = model.draft;
  if (draft.modules == 0) return nullptr;
  return {{"modules", draft.modules},
          {"layers", draft.layers},
          {"parameters", parts_json(draft.parameters, draft.parameters)},
          {"bits", parts_json(draft.parameters, draft.bits)},
          {"resident_bytes", model.draft_resident_bytes()},
          {"pass_weight_bytes", model.draft_weight_bytes(1, 1)},
          {"pass_kv_bytes_per_token", model.draft_kv_bytes(1)}};
}

}  // namespace

std::string model_json(const Model& model, const std::vector<std::uint64_t>& batches,
                       std::uint64_t ranks) {
  OrderedJson parameters = {{"total", model.parameters.total()}};
  parameters.update(parts_json(model.parameters, model.parameters));
  OrderedJson json = {{"schema", 1},
                      {"model", model.name},
                      {"quant", model.quant.name},
                      {"bits_from", model.quant.origin},
                      {"source", model.source},
                      {"derived", model.derived},
                      {"parameters", parameters},
                      {"bits", parts_json(model.parameters, model.quant.bits)},
                      {"active_parameters", model.active_parameters()},
                      {"resident_bytes", model.resident_bytes()},
                      {"kv_bytes_per_token", model.kv_bytes_per_token()},
                      {"cache", cache_json(model)},
                      {"draft", draft_json(model)},
                      {"ranks", ranks},
                      {"caveats", model.notes},
                      {"batches", OrderedJson::array()}};
  for (const auto batch : batches) {
    json["batches"].push_back(
        {{"batch", batch},
         {"weight_bytes", model.weight_bytes(static_cast<double>(batch), 1)},
         {"tensor_parallel", messages_json(tensor_parallel_messages(model, ranks, batch))},
         {"pipeline", messages_json(pipeline_messages(model, ranks, batch))}});
  }
  return json.dump(2, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace wiretax
