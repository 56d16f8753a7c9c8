#include "report/transport/unwrap.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

namespace wiretax {
namespace {

constexpr std::string_view kName = "NCCL";
constexpr char kEscape = '\033';

/// The string that NCCL wrote, of `{"log": "...", "stream": "stdout"}` or the like.
std::optional<std::string> inside_json(std::string_view line) {
  const auto begin = line.find("{\"");
  const auto end = line.rfind('}');
  if (begin == std::string_view::npos || end == std::string_view::npos) return std::nullopt;
  if (begin > line.find(kName) || end < begin) return std::nullopt;
  const auto json =
      nlohmann::json::parse(line.begin() + begin, line.begin() + end + 1, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  for (const auto& value : json) {
    const auto* const text = value.get_ptr<const std::string*>();
    if (text != nullptr && text->find(kName) != std::string::npos) return *text;
  }
  return std::nullopt;
}

/// Behind an escape sequence of a terminal (ECMA-48, "CSI") that begins at `at`; `at` itself where
/// none does.
std::size_t behind_sequence(std::string_view text, std::size_t at) {
  if (!text.substr(at + 1).starts_with('[')) return at;
  for (auto i = at + 2; i < text.size(); ++i) {
    if (text[i] >= '@' && text[i] <= '~') return i + 1;
    if (text[i] < ' ' || text[i] > '?') break;
  }
  return at;
}

std::string without_colours(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size();) {
    const auto behind = text[i] == kEscape ? behind_sequence(text, i) : i;
    if (behind == i) plain += text[i];
    i = std::max(behind, i + 1);
  }
  return plain;
}

}  // namespace

std::string_view unwrapped(std::string_view line, std::string& buffer) {
  if (line.find(kName) == std::string_view::npos) return line;
  if (auto text = inside_json(line)) {
    buffer = std::move(*text);
    line = buffer;
  }
  if (line.find(kEscape) == std::string_view::npos) return line;
  return buffer = without_colours(line);
}

}  // namespace wiretax
