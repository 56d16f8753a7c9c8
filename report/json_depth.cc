#include "report/json_depth.h"

#include <nlohmann/json.hpp>

namespace wiretax {

bool nests_too_deep(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char letter = text[i];
    if (quoted && letter == '\\') {
      ++i;
    } else if (letter == '"') {
      quoted = !quoted;
    } else if (!quoted && (letter == '{' || letter == '[')) {
      if (++depth > kDeepestJson) return true;
    } else if (!quoted && (letter == '}' || letter == ']')) {
      --depth;
    }
  }
  return false;
}

nlohmann::json parse_shallow(std::string_view text) {
  if (nests_too_deep(text)) return nlohmann::json(nlohmann::json::value_t::discarded);
  return nlohmann::json::parse(text, nullptr, false);
}

}  // namespace wiretax
