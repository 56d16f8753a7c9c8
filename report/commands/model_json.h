#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "report/model.h"

namespace wiretax {

/// What `wiretax-report model --json` prints.
std::string model_json(const Model& model, const std::vector<std::uint64_t>& batches,
                       std::uint64_t ranks);

}  // namespace wiretax
