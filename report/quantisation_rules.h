#pragma once

// What a checkpoint's files say about the bits of its weights.

#include <optional>
#include <string>
#include <vector>

#include "report/config_fields.h"
#include "report/model_weights.h"
#include "report/module_patterns.h"
#include "report/quantisation_format.h"

namespace wiretax {

class QuantisationRules {
 public:
  /// quantization_config of config.json. Throws InputError that names what it does not understand.
  static QuantisationRules of_config(const ConfigFields& config);
  /// ModelOpt's hf_quant_config.json: the object named quantization.
  static QuantisationRules of_hf_quant_config(const ConfigFields& quantization);

  /// Whose bits these are, and the mean bits of each part. Throws InputError if no weight is
  /// quantised: then the names are not those of this model.
  [[nodiscard]] Quantisation apply(const Weights& weights) const;
  /// The same for other weights, which need not be quantised at all.
  [[nodiscard]] PerPart bits_of(const Weights& weights) const;
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

 private:
  struct Group {
    Format format;
    bool all_linear = false;
    ModulePatterns targets;
  };

  QuantisationRules(std::string file, std::string prefix)
      : file_(std::move(file)), prefix_(std::move(prefix)) {}

  /// nullptr where it stays as it is.
  [[nodiscard]] const Format* format_of(const Module& module) const;

  void read_exclusions(const ConfigFields& config, std::string_view field);
  void read_modelopt(const ConfigFields& config, std::string_view exclusions);
  void read_groups(const ConfigFields& config);
  void read_targets(const ConfigFields& group, Group& into) const;
  void read_layers(const ConfigFields& config);
  void quantise_all(Format format);
  void note_kv_cache(const ConfigFields& config, std::string_view field);

  std::string file_;
  std::string prefix_;  // of fields, for errors
  std::string origin_;
  std::vector<Group> groups_;
  ModulePatterns excluded_;
  bool experts_only_ = false;
  bool head_too_ = false;  // "all linear" means lm_head as well
  std::vector<std::string> notes_;
};

}  // namespace wiretax
