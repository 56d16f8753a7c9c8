#pragma once

// Names of modules, and patterns of names, as quantisation_config lists them.

#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace wiretax {

/// Three notations occur: a name ("lm_head", "model.layers.0.mlp"), a glob ("model.layers.1.*") and
/// a regular expression ("re:.*self_attn.*"). A leading "model." or "language_model." is ignored,
/// as wrappers differ in them.
class ModulePatterns {
 public:
  /// Lists of thousands of names are usual, of more than two hundred patterns not.
  static constexpr std::size_t kMostPatterns = 512;

  /// False if the pattern is not understood, or one too many: of regular expressions only what
  /// these lists need.
  [[nodiscard]] bool add(std::string_view pattern);

  /// A name stands for all that it is a run of whole components of: "gate" for "mlp.gate", not for
  /// "mlp.gate_proj". A glob or expression also stands for all below what it matches.
  [[nodiscard]] bool match(std::string_view module) const;

  [[nodiscard]] bool empty() const { return names_.empty() && globs_.empty(); }

 private:
  std::set<std::string, std::less<>> names_;
  std::vector<std::string> globs_;
};

}  // namespace wiretax
