#include <fmt/format.h>

#include "report/model_layers.h"
#include "report/units.h"

namespace wiretax {
namespace {

constexpr std::uint64_t kMostModules = 16;
constexpr std::uint64_t kMostDraftLayers = 16;  // of one module

/// How many draft modules the file speaks of, by the name that its family uses.
std::uint64_t draft_modules(const ConfigFields& fields) {
  for (const auto* const field :
       {"num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_modules"}) {
    if (fields.has(field)) return fields.count_or(field, kMostModules, 0);
  }
  return 0;
}

}  // namespace

/// Two norms and a projection join hidden state and embedding; then come ordinary layers and a
/// norm. Embedding and head are the model's (vLLM, deepseek_mtp and qwen3_next_mtp).
Weights draft_weights(const ConfigFields& fields, const Family& family, const Weights& layer,
                      Model& model) {
  Weights weights;
  const auto modules = draft_modules(fields);
  if (modules == 0) return weights;
  if (family.draft == DraftStyle::kNone) {
    model.notes.push_back(
        fmt::format("its {} draft layers are not understood in model_type {} and "
                    "are left out",
                    modules, family.model_type));
    return weights;
  }
  if (fields.flag("mtp_use_dedicated_embeddings").value_or(false)) {
    model.notes.emplace_back(
        "draft layers with embeddings of their own (mtp_use_dedicated_embeddings) are left out");
    return weights;
  }
  const auto layers = fields.count_or("mtp_transformer_layers", kMostDraftLayers, 1);
  const double hidden = real(model.hidden);
  const bool qwen = family.draft == DraftStyle::kQwen;
  for (std::uint64_t i = 0; i < modules * layers; ++i) {
    weights.append(
        qwen ? fmt::format("mtp.layers.{}.", i) : fmt::format("layers.{}.", model.layers + i),
        layer);
  }
  weights.plain.ffn += real(modules) * 2 * hidden * hidden;
  weights.plain.norms += real(modules) * 3 * hidden;
  model.draft.modules = modules;
  model.draft.layers = modules * layers;
  model.draft.parameters = weights.parameters();
  return weights;
}

}  // namespace wiretax
