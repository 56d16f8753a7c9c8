#include "report/quantisation_rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "report/record.h"

namespace wiretax {
namespace {

using Json = nlohmann::json;

constexpr double kPlainBits = 16;

/// Fields that would change which weights are quantised, in methods that do not expect them.
void refuse(const ConfigFields& config, std::initializer_list<std::string_view> names) {
  for (const auto name : names) {
    const auto* const value = config.find(name);
    if (value != nullptr && !value->empty()) config.fail(name, "not understood here");
  }
}

std::string_view expected_text(const ConfigFields& config, std::string_view field,
                               const Json& value) {
  if (!value.is_string()) config.fail(field, fmt::format("{} is not a name", value.dump()));
  return value.get_ref<const std::string&>();
}

void add_pattern(const ConfigFields& config, std::string_view field, const Json& value,
                 ModulePatterns& patterns) {
  const auto pattern = expected_text(config, field, value);
  if (!patterns.add(pattern)) {
    config.fail(field, fmt::format("'{}' is not understood (names, globs and simple expressions "
                                   "are, at most {} of the latter two)",
                                   pattern.substr(0, 60), ModulePatterns::kMostPatterns));
  }
}

}  // namespace

QuantisationRules QuantisationRules::of_config(const ConfigFields& config) {
  QuantisationRules rules(config.origin(), "quantization_config.");
  const auto* const producer = config.find("producer");
  const bool by_modelopt =
      producer != nullptr && producer->is_object() && producer->value("name", Json()) == "modelopt";
  const auto method =
      !config.has("quant_method") && by_modelopt ? "modelopt" : config.text("quant_method");
  rules.origin_ = fmt::format("its quantization_config ({})", method);
  if (method == "modelopt") {
    rules.read_modelopt(config, "ignore");
  } else if (method == "compressed-tensors") {
    rules.head_too_ = true;
    rules.read_groups(config);
    rules.read_exclusions(config, "ignore");
  } else if (method == "fp8") {
    refuse(config, {"quantized_layers", "config_groups"});
    rules.quantise_all(format_of_fp8(config));
  } else if (method == "mxfp4") {
    rules.experts_only_ = true;
    rules.quantise_all({"mxfp4", 4.25});
  } else if (method == "awq") {
    const bool zeros = config.flag("zero_point").value_or(true);
    rules.quantise_all(
        format_of_integers(config, {"bits", "w_bit"}, {"group_size", "q_group_size"}, zeros));
  } else if (method == "gptq") {
    refuse(config, {"dynamic", "modules_in_block_to_quantize"});
    rules.head_too_ = config.flag("lm_head").value_or(false);
    rules.quantise_all(format_of_integers(config, {"bits"}, {"group_size"}, true));
  } else {
    config.fail("quant_method",
                fmt::format("'{}' is not understood: append :bf16, :fp8, :mxfp4 or :nvfp4 to the "
                            "file's name",
                            method));
  }
  rules.read_exclusions(config, "modules_to_not_convert");
  rules.read_exclusions(config, "ignored_layers");
  return rules;
}

QuantisationRules QuantisationRules::of_hf_quant_config(const ConfigFields& quantization) {
  QuantisationRules rules(quantization.origin(), "quantization.");
  rules.origin_ = "hf_quant_config.json";
  rules.read_modelopt(quantization, "exclude_modules");
  return rules;
}

void QuantisationRules::read_modelopt(const ConfigFields& config, std::string_view exclusions) {
  head_too_ = true;
  const bool mixed = config.has("quant_algo") && config.text("quant_algo") == "MIXED_PRECISION";
  if (mixed && config.has("quantized_layers")) {
    read_layers(config);
  } else if (config.has("config_groups")) {
    read_groups(config);
  } else {
    quantise_all(format_of_algorithm(config));
  }
  read_exclusions(config, exclusions);
  note_kv_cache(config, "kv_cache_quant_algo");
  note_kv_cache(config, "kv_cache_scheme");
}

void QuantisationRules::quantise_all(Format format) {
  groups_.push_back({.format = std::move(format), .all_linear = true, .targets = {}});
}

void QuantisationRules::note_kv_cache(const ConfigFields& config, std::string_view field) {
  if (!config.has(field)) return;
  notes_.push_back(
      fmt::format("the file names another format for the KV cache ({}); it is counted in 16 bits "
                  "unless told otherwise",
                  field));
}

void QuantisationRules::read_exclusions(const ConfigFields& config, std::string_view field) {
  const auto* const list = config.find(field);
  if (list == nullptr) return;
  if (!list->is_array()) config.fail(field, "not a list");
  for (const auto& entry : *list) add_pattern(config, field, entry, excluded_);
}

/// compressed-tensors and ModelOpt: {"group_0": {"targets": [...], "weights": {...}}, ...}.
void QuantisationRules::read_groups(const ConfigFields& config) {
  if (const auto* const sparsity = config.find("sparsity_config")) {
    const bool dense = sparsity->is_object() &&
                       (sparsity->empty() || sparsity->value("format", Json()) == "dense");
    if (!dense) config.fail("sparsity_config", "sparse weights are not understood");
  }
  const auto* const groups = config.find("config_groups");
  if (groups == nullptr || !groups->is_object() || groups->empty()) {
    config.fail("config_groups", "not an object with groups");
  }
  for (const auto& [name, group] : groups->items()) {
    const auto field = fmt::format("config_groups.{}", name);
    if (!group.is_object()) config.fail(field, "not an object");
    const ConfigFields fields(group, file_, prefix_ + field + ".");
    const auto* const weights = fields.find("weights");
    if (weights == nullptr) continue;  // activations only
    if (!weights->is_object()) fields.fail("weights", "not an object");
    Group read = {
        .format = format_of_weights(ConfigFields(*weights, file_, prefix_ + field + ".weights.")),
        .targets = {}};
    read_targets(fields, read);
    groups_.push_back(std::move(read));
  }
}

void QuantisationRules::read_targets(const ConfigFields& group, Group& into) const {
  const auto* const targets = group.find("targets");
  into.all_linear = targets == nullptr;  // ModelOpt omits them where all are meant
  if (targets == nullptr) return;
  if (!targets->is_array()) group.fail("targets", "not a list");
  for (const auto& target : *targets) {
    const auto name = expected_text(group, "targets", target);
    if (name == "Linear") {
      into.all_linear = true;
    } else if (!name.empty() && name.front() >= 'A' && name.front() <= 'Z') {
      group.fail("targets", fmt::format("'{}' is not understood", name.substr(0, 60)));
    } else {
      add_pattern(group, "targets", target, into.targets);
    }
  }
}

/// ModelOpt's mixed precision: {"model.layers.0.mlp.up_proj": {"quant_algo": "FP8"}, ...}.
void QuantisationRules::read_layers(const ConfigFields& config) {
  const auto* const layers = config.find("quantized_layers");
  if (!layers->is_object()) config.fail("quantized_layers", "not an object");
  for (const auto& [name, layer] : layers->items()) {
    const auto field = fmt::format("quantized_layers.{}", name);
    if (!layer.is_object()) config.fail(field, "not an object");
    const auto format = format_of_algorithm(ConfigFields(layer, file_, prefix_ + field + "."));
    auto group = std::ranges::find(groups_, format.name,
                                   [](const Group& known) { return known.format.name; });
    if (group == groups_.end()) {
      group = groups_.insert(groups_.end(), {.format = format, .targets = {}});
    }
    add_pattern(config, "quantized_layers", Json(name), group->targets);
  }
}

const Format* QuantisationRules::format_of(const Module& module) const {
  if (experts_only_ && module.part != &PerPart::experts) return nullptr;
  if (excluded_.match(module.name)) return nullptr;
  const bool linear = module.part != &PerPart::lm_head || head_too_;
  for (const auto& group : groups_) {
    if ((group.all_linear && linear) || group.targets.match(module.name)) return &group.format;
  }
  return nullptr;
}

PerPart QuantisationRules::bits_of(const Weights& weights) const {
  PerPart sum;
  for (const auto& part : kParts) sum.*part.value = weights.plain.*part.value * kPlainBits;
  for (const auto& module : weights.modules) {
    const auto* const format = format_of(module);
    sum.*module.part += module.parameters * (format == nullptr ? kPlainBits : format->bits);
  }
  const auto parameters = weights.parameters();
  auto mean = uniform_bits(kPlainBits);
  for (const auto& part : kParts) {
    const double count = parameters.*part.value;
    if (count > 0) mean.*part.value = sum.*part.value / count;
  }
  return mean;
}

Quantisation QuantisationRules::apply(const Weights& weights) const {
  std::set<std::string> names;
  for (const auto& module : weights.modules) {
    if (const auto* const format = format_of(module)) names.insert(format->name);
  }
  if (names.empty()) {
    throw InputError(fmt::format("{}: {} names no weight of this model", file_,
                                 std::string_view(prefix_).substr(0, prefix_.size() - 1)));
  }
  return {.name = fmt::format("{}", fmt::join(names, "+")),
          .origin = origin_,
          .bits = bits_of(weights)};
}

}  // namespace wiretax
