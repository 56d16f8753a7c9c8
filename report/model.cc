#include "report/model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "report/catalogue.h"

namespace wiretax {
namespace {

constexpr double kBitsPerByte = 8;

struct NamedBits {
  const char* name;
  double ffn;  // FFN or experts, the shared expert too
  double attention;
  double head;
};

// Block scales are in the bits: mxfp4 has 8 per 32 values, nvfp4 8 per 16.
constexpr std::array kNamedBits = {
    NamedBits{"bf16", 16, 16, 16},
    NamedBits{"fp8", 8, 8, 16},
    NamedBits{"mxfp4", 4.25, 16, 16},
    NamedBits{"nvfp4", 4.5, 16, 16},
};

Quantisation quantisation_of(const NamedBits& named) {
  Quantisation quantisation;
  quantisation.name = named.name;
  quantisation.origin = fmt::format("asked for ({})", named.name);
  auto& bits = quantisation.bits;
  bits.attention = bits.linear_attention = named.attention;
  bits.ffn = bits.experts = bits.shared_expert = named.ffn;
  bits.lm_head = named.head;
  return quantisation;
}

double bytes_of(const PerPart& parameters, const PerPart& bits) {
  double sum = 0;
  for (const auto& part : kParts) sum += parameters.*part.value * (bits.*part.value);
  return sum / kBitsPerByte;
}

/// KV bytes of one token in one layer.
double kv_layer_bytes(const Model& model) {
  constexpr std::uint64_t kKeyAndValue = 2;
  const auto values =
      model.latent_dim > 0 ? model.latent_dim : kKeyAndValue * model.kv_heads * model.head_dim;
  return static_cast<double>(values) * model.kv_bits / kBitsPerByte;
}

}  // namespace

PerPart uniform_bits(double bits) {
  PerPart all;
  for (const auto& part : kParts) all.*part.value = bits;
  return all;
}

Quantisation find_quantisation(std::string_view name) {
  const auto* const found = std::ranges::find(kNamedBits, name, &NamedBits::name);
  if (found != kNamedBits.end()) return quantisation_of(*found);
  std::vector<std::string_view> names;
  names.reserve(kNamedBits.size());
  for (const auto& named : kNamedBits) names.emplace_back(named.name);
  throw UnknownName(
      fmt::format("quantisation '{}' is not known (use {})", name, fmt::join(names, ", ")));
}

double PerPart::total() const {
  double sum = 0;
  for (const auto& part : kParts) sum += this->*part.value;
  return sum;
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
  return layer_bytes() + coverage(tokens, gamma) * expert_bytes() + head_bytes();
}

double Model::layer_bytes() const {
  auto read = parameters;
  read.embedding = read.lm_head = read.experts = 0;
  return bytes_of(read, quant.bits);
}

double Model::expert_bytes() const {
  return parameters.experts * quant.bits.experts / kBitsPerByte;
}

double Model::head_bytes() const {
  const auto matrix = static_cast<double>(vocabulary) * static_cast<double>(hidden);
  const bool tied = parameters.lm_head == 0;
  return matrix * (tied ? quant.bits.embedding : quant.bits.lm_head) / kBitsPerByte;
}

double Model::embedding_bytes() const {
  return parameters.embedding * quant.bits.embedding / kBitsPerByte;
}

double Model::resident_bytes() const { return bytes_of(parameters, quant.bits); }

double Model::kv_bytes_per_token() const {
  return static_cast<double>(kv_layers) * kv_layer_bytes(*this);
}

double Model::kv_bytes(double context) const {
  const double kept = window > 0 ? std::min(context, static_cast<double>(window)) : context;
  const auto sliding = static_cast<double>(sliding_layers);
  const double full = static_cast<double>(kv_layers) - sliding;
  return (full * context + sliding * kept) * kv_layer_bytes(*this);
}

double Model::sequence_bytes(double context) const { return kv_bytes(context) + state_bytes; }

double Model::sequence_traffic(double context) const { return kv_bytes(context) + 2 * state_bytes; }

double Model::kv_share(std::uint64_t ranks) const {
  if (latent_dim > 0) return 1;
  const auto fullest = (kv_heads + ranks - 1) / ranks;
  return static_cast<double>(fullest) / static_cast<double>(kv_heads);
}

double Model::draft_weight_bytes(double tokens, double gamma) const {
  if (draft.modules == 0) return 0;
  return draft_layer_bytes() + coverage(tokens, gamma) * draft_expert_bytes() + head_bytes();
}

double Model::draft_layer_bytes() const {
  if (draft.modules == 0) return 0;
  auto read = draft.parameters;
  read.experts = 0;
  return bytes_of(read, draft.bits) / static_cast<double>(draft.modules);
}

double Model::draft_expert_bytes() const {
  if (draft.modules == 0) return 0;
  return draft.parameters.experts * draft.bits.experts / kBitsPerByte /
         static_cast<double>(draft.modules);
}

double Model::draft_kv_bytes(double context) const {
  if (draft.modules == 0) return 0;
  const auto of_one = static_cast<double>(draft.layers) / static_cast<double>(draft.modules);
  return of_one * context * kv_layer_bytes(*this);
}

double Model::draft_resident_bytes() const { return bytes_of(draft.parameters, draft.bits); }

}  // namespace wiretax
