#pragma once

#include <nlohmann/json_fwd.hpp>

#include "report/decide.h"

namespace wiretax {

/// Adds "prefill" and "serving" to a row of the decision, null where they are unknown or were not
/// asked for, and "why" where it was.
void add_serving(const Row& row, nlohmann::ordered_json& json);

/// Adds what was assumed of the requests.
void add_workload(const Request& request, nlohmann::ordered_json& json);

}  // namespace wiretax
