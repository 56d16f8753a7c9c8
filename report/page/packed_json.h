#pragma once

#include <nlohmann/json.hpp>

namespace wiretax {

using PageJson = nlohmann::ordered_json;

/// A list of objects with the same keys as {"keys": [...], "rows": [[...], ...]}, numbers to six
/// figures: a third of the size. Within rows, objects are packed alike: {"low", "mid", "high"}
/// becomes three numbers where `keys` has that name and its parts, "step_s.low" and so on.
PageJson packed(const PageJson& objects);

/// To six figures; null for what is not finite.
PageJson rounded(double value);

}  // namespace wiretax
