#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace wiretax {

/// No format that is read here nests so deep. What copies, compares or prints JSON calls itself for
/// every level, so that a small hostile file would use up the stack.
constexpr int kDeepestJson = 64;

/// Whether brackets stand in one another deeper than that. Anything may be in `text`.
bool nests_too_deep(std::string_view text);

/// Discarded where `text` is no JSON or nests too deep.
nlohmann::json parse_shallow(std::string_view text);

}  // namespace wiretax
