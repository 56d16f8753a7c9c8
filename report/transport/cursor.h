#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace wiretax {

/// Reads a text from the left. What does not match is left standing.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  bool skip(std::string_view literal) {
    if (!rest_.starts_with(literal)) return false;
    rest_.remove_prefix(literal.size());
    return true;
  }

  /// To behind the first `literal`.
  bool skip_past(std::string_view literal) {
    const auto found = rest_.find(literal);
    if (found == std::string_view::npos) return false;
    rest_.remove_prefix(found + literal.size());
    return true;
  }

  template <typename Number = int>
  std::optional<Number> number() {
    Number value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc{}) return std::nullopt;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }

  /// Up to one of `ends`, or all.
  std::string_view until(std::string_view ends) {
    const auto word = rest_.substr(0, rest_.find_first_of(ends));
    rest_.remove_prefix(word.size());
    return word;
  }

  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

}  // namespace wiretax
