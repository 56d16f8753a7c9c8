#include "report/quantisation_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "report/units.h"

namespace wiretax {
namespace {

constexpr std::uint64_t kMostBits = 16;
constexpr std::uint64_t kLargestGroup = 1 << 20;

/// Values that share a scale; 0 for a whole channel or tensor, whose scale weighs nothing.
double group_of(const ConfigFields& fields, std::string_view name) {
  const auto* const value = fields.find(name);
  if (value != nullptr && *value == -1) return 0;
  return real(fields.count_or(name, kLargestGroup, 0));
}

double block_of(const ConfigFields& fields, std::string_view name) {
  const auto* const sizes = fields.find(name);
  if (sizes == nullptr) return 0;
  const bool pair =
      sizes->is_array() && sizes->size() == 2 && std::ranges::all_of(*sizes, [](const auto& size) {
        return size.is_number_unsigned() && size > 0 && size <= kLargestGroup;
      });
  if (!pair) fields.fail(name, "not two sizes");
  return (*sizes)[0].template get<double>() * (*sizes)[1].template get<double>();
}

double per_value(double bits, double group) { return group > 0 ? bits / group : 0; }

Format four_bit_float(const ConfigFields& fields, double group) {
  if (group == 16) return {"nvfp4", 4.5};
  if (group == 32) return {"mxfp4", 4.25};
  fields.fail(
      "group_size",
      fmt::format("{} is not understood for 4-bit floats (16 is nvfp4, 32 is mxfp4)", group));
}

struct Algorithm {
  const char* name;
  const char* format;
  double bits;
};

// ModelOpt's names. Scales: 8 bits per 16 values in NVFP4, per 32 in MXFP; 16 per 128 in INT4.
constexpr std::array kAlgorithms = {
    Algorithm{"FP8", "fp8", 8},
    Algorithm{"FP8_PER_CHANNEL_PER_TOKEN", "fp8", 8},
    Algorithm{"FP8_PB_WO", "fp8", 8 + 32.0 / (128 * 128)},
    Algorithm{"MXFP8", "mxfp8", 8.25},
    Algorithm{"NVFP4", "nvfp4", 4.5},
    Algorithm{"NVFP4_AWQ", "nvfp4", 4.5},
    Algorithm{"W4A16_NVFP4", "nvfp4", 4.5},
    Algorithm{"MXFP4", "mxfp4", 4.25},
    Algorithm{"W4A16_AWQ", "int4", 4 + 16.0 / 128},
    Algorithm{"W8A16", "int8", 8},
};

std::uint64_t first_count(const ConfigFields& fields,
                          std::initializer_list<std::string_view> names) {
  for (const auto name : names) {
    if (fields.has(name)) return fields.count(name, kMostBits);
  }
  return fields.count(*names.begin(), kMostBits);
}

}  // namespace

Format format_of_algorithm(const ConfigFields& fields) {
  const auto name = fields.text("quant_algo");
  const auto* const found = std::ranges::find(kAlgorithms, name, &Algorithm::name);
  if (found == kAlgorithms.end()) {
    fields.fail("quant_algo", fmt::format("'{}' is not understood", name));
  }
  const double group = group_of(fields, "group_size");
  const std::string_view format = found->format;
  const double usual = format == "nvfp4" ? 16 : format == "int4" ? 128 : group;
  if (group != 0 && group != usual) {
    fields.fail("group_size", fmt::format("{} is not understood for {}", group, name));
  }
  return {found->format, found->bits};
}

Format format_of_weights(const ConfigFields& weights) {
  const auto bits = weights.count("num_bits", kMostBits);
  const auto type = weights.text("type");
  const double group = group_of(weights, "group_size");
  if (type == "int") {
    const bool symmetric = weights.flag("symmetric").value_or(true);
    const double scales = 16 + (symmetric ? 0 : real(bits));
    return {fmt::format("int{}", bits), real(bits) + per_value(scales, group)};
  }
  if (type != "float") weights.fail("type", fmt::format("'{}' is not understood", type));
  if (bits == 4) return four_bit_float(weights, group);
  if (bits != 8) weights.fail("num_bits", fmt::format("{} is not understood for floats", bits));
  if (group == 32) return {"mxfp8", 8.25};
  const double block = block_of(weights, "block_structure");
  return {"fp8", 8 + per_value(32, block > 0 ? block : group)};
}

Format format_of_fp8(const ConfigFields& fields) {
  return {"fp8", 8 + per_value(32, block_of(fields, "weight_block_size"))};
}

Format format_of_integers(const ConfigFields& fields, std::initializer_list<std::string_view> bits,
                          std::initializer_list<std::string_view> group, bool zero_points) {
  const auto width = first_count(fields, bits);
  double size = 0;
  for (const auto name : group) size = std::max(size, group_of(fields, name));
  const double scales = 16 + (zero_points ? real(width) : 0);
  return {fmt::format("int{}", width), real(width) + per_value(scales, size)};
}

}  // namespace wiretax
