#pragma once

#include <nlohmann/json.hpp>

namespace wiretax {

using PageJson = nlohmann::ordered_json;

/// A list of objects as {"keys": [...], "rows": [[...], ...]}, numbers to five figures: a quarter
/// of the size. An object within one is taken apart, one level deep: its keys become "step_s.low"
/// and so on. A row ends with its last value that is not null.
PageJson packed(const PageJson& objects);

/// To five figures; null for what is not finite.
PageJson rounded(double value);

}  // namespace wiretax
