// Hugging Face config.json -> Model: the whole out of its layers.

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "report/config_fields.h"
#include "report/model.h"
#include "report/model_layers.h"
#include "report/quantisation_rules.h"
#include "report/units.h"

namespace wiretax {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kHfQuant = "hf_quant_config.json";

std::uint64_t count_kind(const std::vector<LayerKind>& kinds, LayerKind kind) {
  return static_cast<std::uint64_t>(std::ranges::count(kinds, kind));
}

void read_kinds(const ConfigFields& fields, const std::vector<LayerKind>& kinds, Model& model) {
  model.sliding_layers = count_kind(kinds, LayerKind::kSliding);
  model.kv_layers = count_kind(kinds, LayerKind::kFull) + model.sliding_layers;
  if (model.sliding_layers > 0) model.window = fields.count("sliding_window", kLongestWindow);
}

Weights norms_of_layer(const Family& family, const Model& model) {
  Weights weights;
  weights.plain.norms = (family.four_norms ? 4 : 2) * real(model.hidden);
  return weights;
}

struct Layers {
  Weights model;
  Weights draft;
};

/// All layers, and those of the draft, which are like a full layer with experts where there are
/// any.
Layers read_layers(const ConfigFields& fields, const Family& family, Model& model) {
  const auto kinds = layer_kinds(fields, family, model.layers);
  read_kinds(fields, kinds, model);
  const auto attention = attention_weights(fields, family, model);
  const auto linear = count_kind(kinds, LayerKind::kLinear);
  const auto linear_attention =
      linear > 0 ? linear_attention_weights(fields, family, linear, model) : Weights{};
  const auto ffn = read_ffn(fields, family, model);
  const auto norms = norms_of_layer(family, model);
  Layers layers;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const auto prefix = fmt::format("layers.{}.", i);
    const bool is_linear = kinds[i] == LayerKind::kLinear;
    layers.model.append(prefix, is_linear ? linear_attention : attention);
    layers.model.append(prefix, ffn.is_dense[i] ? ffn.dense : ffn.sparse);
    layers.model.append(prefix, norms);
  }
  auto draft = attention;
  draft.append("", family.moe ? ffn.sparse : ffn.dense);
  draft.append("", norms);
  layers.draft = draft_weights(fields, family, draft, model);
  return layers;
}

void add_ends(bool tied, const Model& model, Weights& weights) {
  const double matrix = real(model.vocabulary) * real(model.hidden);
  weights.plain.embedding = matrix;
  if (!tied) weights.add("lm_head", &PerPart::lm_head, matrix);
  weights.plain.norms += real(model.hidden);
}

const Json* object_of(const ConfigFields& fields, std::string_view name) {
  const auto* const value = fields.find(name);
  if (value != nullptr && !value->is_object()) fields.fail(name, "not an object");
  return value;
}

/// The rules of the files, where they have any. Wrappers have them inside or outside text_config.
std::optional<QuantisationRules> rules_of(const ConfigFields& text, const ConfigFields& outer,
                                          const Json& hf_quant_config) {
  for (const auto* const place : {&outer, &text}) {
    if (const auto* const config = object_of(*place, "quantization_config")) {
      return QuantisationRules::of_config(
          ConfigFields(*config, outer.origin(), "quantization_config."));
    }
    if (place->has("compression_config")) place->fail("compression_config", "not understood");
  }
  const ConfigFields fields(hf_quant_config, fmt::format("{} with {}", outer.origin(), kHfQuant));
  if (const auto* const config = object_of(fields, "quantization")) {
    return QuantisationRules::of_hf_quant_config(
        ConfigFields(*config, fields.origin(), "quantization."));
  }
  if (!hf_quant_config.empty()) fields.fail("quantization", "missing");
  return std::nullopt;
}

/// What no rule quantises is counted in 16 bits, as engines load it.
void note_width(const ConfigFields& fields, Model& model) {
  for (const auto* const name : {"torch_dtype", "dtype"}) {
    const auto* const type = fields.find(name);
    if (type == nullptr || *type == "bfloat16" || *type == "float16") continue;
    model.notes.push_back(
        fmt::format("{} is another than bfloat16 or float16: weights are counted "
                    "in 16 bits, as engines load them",
                    name));
  }
}

void quantise(const std::optional<QuantisationRules>& rules, const Layers& layers, Model& model) {
  if (rules) {
    model.quant = rules->apply(layers.model);
    model.draft.bits = rules->bits_of(layers.draft);
    std::ranges::copy(rules->notes(), std::back_inserter(model.notes));
    return;
  }
  model.quant = find_quantisation("bf16");
  model.quant.origin = "no quantization_config in its file";
}

/// Every field may be within its bounds and the whole still be none.
void check_size(const ConfigFields& fields, const Model& model) {
  constexpr double kMostParameters = 1e15;
  if (model.parameters.total() <= kMostParameters) return;
  fields.fail("hidden_size",
              fmt::format("{} with {} layers and {} experts makes {:.3g} parameters", model.hidden,
                          model.layers, model.experts, model.parameters.total()));
}

/// What a file says besides its shape, and what was asked for in its place.
struct Precision {
  std::string_view asked;
  const Json& hf_quant_config;
};

Model parse_text_model(const ConfigFields& fields, const ConfigFields& outer,
                       const Precision& precision) {
  const auto& family = family_of(fields);
  Model model;
  model.name = fields.origin();
  model.source = fields.origin();
  model.layers = fields.count("num_hidden_layers", kMostLayers);
  model.hidden = fields.count("hidden_size", kWidest);
  model.vocabulary = fields.count("vocab_size", kMostTokens);
  read_heads(fields, family, model);
  auto layers = read_layers(fields, family, model);
  const auto tied = fields.flag("tie_word_embeddings");
  add_ends(tied ? *tied : outer.flag("tie_word_embeddings").value_or(family.tied), model,
           layers.model);
  model.parameters = layers.model.parameters();
  check_size(fields, model);
  if (precision.asked.empty()) {
    note_width(fields, model);
    quantise(rules_of(fields, outer, precision.hf_quant_config), layers, model);
  } else {
    model.quant = find_quantisation(precision.asked);
    model.draft.bits = model.quant.bits;
  }
  return model;
}

}  // namespace

Model parse_model(std::string_view config_json, std::string_view origin, std::string_view quant,
                  std::string_view hf_quant_config) {
  const auto document = parse_object(config_json, origin);
  const auto other =
      hf_quant_config.empty() || !quant.empty()
          ? Json::object()
          : parse_object(hf_quant_config, fmt::format("{} with {}", origin, kHfQuant));
  const Precision precision = {quant, other};
  const ConfigFields outer(document, std::string(origin));
  const auto* const nested = outer.find("text_config");
  if (nested == nullptr) return parse_text_model(outer, outer, precision);
  if (!nested->is_object()) outer.fail("text_config", "not an object");
  auto model = parse_text_model(ConfigFields(*nested, std::string(origin), "text_config."), outer,
                                precision);
  if (outer.has("vision_config") || outer.has("audio_config")) {
    model.notes.emplace_back("only the language model is counted, not what sees or hears");
  }
  return model;
}

Model read_model(const std::filesystem::path& path, std::string_view quant) {
  const auto beside = path.parent_path() / kHfQuant;
  std::error_code error;
  const bool there = quant.empty() && std::filesystem::is_regular_file(beside, error);
  return parse_model(read_small_file(path), path.string(), quant,
                     there ? read_small_file(beside) : std::string{});
}

}  // namespace wiretax
