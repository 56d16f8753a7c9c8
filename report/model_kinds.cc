#include <fmt/format.h>

#include <algorithm>

#include "report/model_layers.h"

namespace wiretax {
namespace {

using Json = nlohmann::json;
using Kinds = std::vector<LayerKind>;

LayerKind kind_of(const ConfigFields& fields, const Json& type, std::size_t layer) {
  if (type == "full_attention") return LayerKind::kFull;
  if (type == "sliding_attention") return LayerKind::kSliding;
  if (type == "linear_attention") return LayerKind::kLinear;
  fields.fail(fmt::format("layer_types[{}]", layer),
              fmt::format("{} is not understood", type.dump()));
}

Kinds kinds_by_list(const ConfigFields& fields, const Json& types, std::uint64_t layers) {
  if (!types.is_array() || types.size() != layers) {
    fields.fail("layer_types", fmt::format("not a list of {} layers", layers));
  }
  Kinds kinds;
  for (const auto& type : types) kinds.push_back(kind_of(fields, type, kinds.size()));
  return kinds;
}

/// Every n-th layer is full, the others are `rest`.
Kinds kinds_by_pattern(std::uint64_t layers, std::uint64_t pattern, LayerKind rest) {
  Kinds kinds(layers, rest);
  for (std::size_t layer = 0; layer < layers; ++layer) {
    if ((layer + 1) % pattern == 0) kinds[layer] = LayerKind::kFull;
  }
  return kinds;
}

Kinds linear_kinds(const ConfigFields& fields, std::uint64_t layers) {
  const auto interval = fields.count_or("full_attention_interval", kMostLayers, 4);
  if (interval == 0) fields.fail("full_attention_interval", "0 is not in 1 to 1000");
  return kinds_by_pattern(layers, interval, LayerKind::kLinear);
}

/// Where the file has a window and no layer_types: transformers' defaults.
Kinds windowed_kinds(const ConfigFields& fields, const Family& family, std::uint64_t layers) {
  Kinds kinds(layers, LayerKind::kFull);
  switch (family.windows) {
    case Windows::kAll:
      if (!fields.flag("use_sliding_window").value_or(true)) return kinds;
      return Kinds(layers, LayerKind::kSliding);
    case Windows::kUpper: {
      if (!fields.flag("use_sliding_window").value_or(false)) return kinds;
      const auto first = std::min(layers, fields.count_or("max_window_layers", kMostLayers, 28));
      std::fill(kinds.begin() + static_cast<std::ptrdiff_t>(first), kinds.end(),
                LayerKind::kSliding);
      return kinds;
    }
    case Windows::kPattern: {
      const auto pattern =
          fields.count_or("sliding_window_pattern", kMostLayers, family.window_pattern);
      if (pattern == 0) fields.fail("sliding_window_pattern", "0 is not in 1 to 1000");
      return kinds_by_pattern(layers, pattern, LayerKind::kSliding);
    }
  }
  return kinds;
}

/// MiniMax's own list, in which 1 is softmax attention.
void check_attention_types(const ConfigFields& fields, std::uint64_t layers) {
  const auto* const types = fields.find("attn_type_list");
  if (types == nullptr) return;
  const bool all_full = types->is_array() && types->size() == layers &&
                        std::ranges::all_of(*types, [](const Json& type) { return type == 1; });
  if (!all_full) fields.fail("attn_type_list", "only softmax attention (1) is understood");
}

}  // namespace

std::vector<LayerKind> layer_kinds(const ConfigFields& fields, const Family& family,
                                   std::uint64_t layers) {
  check_attention_types(fields, layers);
  if (const auto* const types = fields.find("layer_types")) {
    return kinds_by_list(fields, *types, layers);
  }
  if (fields.has("linear_num_value_heads")) return linear_kinds(fields, layers);
  if (fields.has("sliding_window")) return windowed_kinds(fields, family, layers);
  return Kinds(layers, LayerKind::kFull);
}

}  // namespace wiretax
