#pragma once

// The weights of a transformer as a checkpoint names them, so that rules of quantisation, which go
// by name, can be applied to each.

#include <string>
#include <vector>

#include "report/model.h"

namespace wiretax {

/// A matrix that a checkpoint may quantise. `name` lacks the leading "model.": "lm_head",
/// "layers.3.self_attn.q_proj". All experts of a layer are one, named as the first.
struct Module {
  std::string name;
  double PerPart::*part = nullptr;
  double parameters = 0;
};

struct Weights {
  std::vector<Module> modules;
  PerPart plain;  // never quantised: biases, norms, convolutions, routers, the embedding

  void add(std::string name, double PerPart::*part, double parameters) {
    modules.push_back({std::move(name), part, parameters});
  }

  void append(const std::string& prefix, const Weights& other) {
    for (const auto& module : other.modules) {
      add(prefix + module.name, module.part, module.parameters);
    }
    for (const auto& part : kParts) plain.*part.value += other.plain.*part.value;
  }

  [[nodiscard]] PerPart parameters() const {
    auto sum = plain;
    for (const auto& module : modules) sum.*module.part += module.parameters;
    return sum;
  }
};

}  // namespace wiretax
