#pragma once

// How many bits a weight of each format takes, its scales included.

#include <string>

#include "report/config_fields.h"

namespace wiretax {

struct Format {
  std::string name;  // "fp8", "nvfp4", "int4", ...
  double bits = 16;
};

/// "FP8", "NVFP4", ... of ModelOpt; `fields` may have a group_size. Throws InputError that names
/// quant_algo.
Format format_of_algorithm(const ConfigFields& fields);

/// num_bits, type, group_size, block_structure and symmetric of compressed-tensors and ModelOpt.
Format format_of_weights(const ConfigFields& weights);

/// 8-bit floats with a float32 scale for each weight_block_size, where there is one.
Format format_of_fp8(const ConfigFields& fields);

/// Integers of `bits` with a 16-bit scale for each group, and zero points.
Format format_of_integers(const ConfigFields& fields, std::initializer_list<std::string_view> bits,
                          std::initializer_list<std::string_view> group, bool zero_points);

}  // namespace wiretax
