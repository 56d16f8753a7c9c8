#include "report/model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "report/catalogue.h"

namespace wiretax {
namespace {

constexpr double kBitsPerByte = 8;
constexpr double kUnquantisedBits = 16;

// Block scales are in the bits: mxfp4 has 8 per 32 values, nvfp4 8 per 16.
constexpr std::array kQuantisations = {
    Quantisation{"bf16", 16, 16, 16},
    Quantisation{"fp8", 8, 8, 16},
    Quantisation{"mxfp4", 4.25, 16, 16},
    Quantisation{"nvfp4", 4.5, 16, 16},
};

}  // namespace

const Quantisation& find_quantisation(std::string_view name) {
  const auto* const found = std::ranges::find(kQuantisations, name, &Quantisation::name);
  if (found != kQuantisations.end()) return *found;
  std::vector<std::string_view> names;
  names.reserve(kQuantisations.size());
  for (const auto& quantisation : kQuantisations) names.push_back(quantisation.name);
  throw UnknownName(
      fmt::format("quantisation '{}' is not known (use {})", name, fmt::join(names, ", ")));
}

double Parameters::total() const {
  return attention + linear_attention + ffn + experts + router + shared_expert + embedding +
         lm_head + norms;
}

double Model::active_parameters() const {
  const auto head = static_cast<double>(vocabulary) * static_cast<double>(hidden);
  const double routed = parameters.experts * coverage(1, 1);
  return parameters.attention + parameters.linear_attention + parameters.ffn + routed +
         parameters.router + parameters.shared_expert + head;
}

double Model::coverage(double tokens, double gamma) const {
  if (!is_moe()) return 0;
  const double share = static_cast<double>(experts_per_token) / static_cast<double>(experts);
  return 1 - std::pow(1 - share, 1 + gamma * (tokens - 1));
}

double Model::weight_bytes(double tokens, double gamma) const {
  const auto head = static_cast<double>(vocabulary) * static_cast<double>(hidden);
  const double read_experts = parameters.experts * coverage(tokens, gamma);
  const double bits = (parameters.attention + parameters.linear_attention) * quant.attention_bits +
                      (parameters.ffn + parameters.shared_expert + read_experts) * quant.ffn_bits +
                      (parameters.router + parameters.norms) * kUnquantisedBits +
                      head * quant.head_bits;
  return bits / kBitsPerByte;
}

double Model::resident_bytes() const {
  const double bits =
      (parameters.attention + parameters.linear_attention) * quant.attention_bits +
      (parameters.ffn + parameters.shared_expert + parameters.experts) * quant.ffn_bits +
      (parameters.router + parameters.norms + parameters.embedding) * kUnquantisedBits +
      parameters.lm_head * quant.head_bits;
  return bits / kBitsPerByte;
}

double Model::kv_bytes_per_token() const {
  constexpr std::uint64_t kKeyAndValue = 2;
  return static_cast<double>(kKeyAndValue * kv_layers * kv_heads * head_dim) * kUnquantisedBits /
         kBitsPerByte;
}

}  // namespace wiretax
