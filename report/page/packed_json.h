#pragma once

#include <nlohmann/json.hpp>

namespace wiretax {

using PageJson = nlohmann::ordered_json;

/// A list of objects as {"count": 3, "columns": {"model": ..., ...}}, a tenth of the size. A column
/// is the list of its values, numbers to five figures, or {"of": [its different values], "at":
/// [which of them, for each object]}, where "at" is left out if there is one. An object within one
/// is taken apart, one level deep: its columns are "step_s.low" and so on.
PageJson packed(const PageJson& objects);

/// To five figures; null for what is not finite.
PageJson rounded(double value);

}  // namespace wiretax
