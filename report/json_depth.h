#pragma once

// Includes nlohmann-json: for .cc files of report only.

#include <nlohmann/json.hpp>
#include <string_view>

namespace wiretax {

/// No format that is read here nests so deep. What copies, compares or prints JSON calls itself for
/// every level, so that a small hostile file would use up the stack.
constexpr int kDeepestJson = 64;

/// Whether brackets stand in one another deeper than that. Anything may be in `text`.
bool nests_too_deep(std::string_view text);

/// Discarded where `text` is no JSON or nests too deep.
template <typename Json = nlohmann::json>
Json parse_shallow(std::string_view text) {
  if (nests_too_deep(text)) return Json(Json::value_t::discarded);
  return Json::parse(text, nullptr, false);
}

}  // namespace wiretax
