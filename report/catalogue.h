#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report/model.h"
#include "report/record.h"

namespace wiretax {

/// A name that is in no catalogue; the message lists the near ones. What the user typed is wrong,
/// not a file.
class UnknownName : public InputError {
 public:
  using InputError::InputError;
};

/// A model of report/models. Names and aliases match in any case.
struct CatalogueEntry {
  std::string name;
  std::vector<std::string> aliases;
  std::string source;
  bool derived = false;
  std::string quant;   // unless another is asked for; empty: its quantization_config decides
  std::string config;  // JSON: the fields of config.json that parse_model needs
};

const std::vector<CatalogueEntry>& model_catalogue();

/// The models that are measured for and decided on where none are named.
const std::vector<std::string>& default_models();

/// "NAME[:quant]" of the catalogue, or "config.json[:quant]", a file or the directory it is in.
/// Throws UnknownName, or InputError for a file that cannot be used.
Model find_model(std::string_view specification);

/// "'qwen3-27b' is not known; near: ..." from the candidates that resemble it, or all of them.
std::string unknown_name_text(std::string_view kind, std::string_view name,
                              const std::vector<std::string>& candidates);

/// ASCII letters in lower case, for names that match in any case.
std::string lower_case(std::string_view text);

}  // namespace wiretax
