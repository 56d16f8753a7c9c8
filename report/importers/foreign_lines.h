#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace wiretax {

/// The lines of another tool's output, without what mpirun --tag-output and srun --label put
/// before them.
class ForeignLines {
 public:
  explicit ForeignLines(std::string_view text) : rest_(text) {}

  /// To the next line; false at the end.
  bool next();
  /// From 1 on.
  [[nodiscard]] std::size_t number() const { return number_; }
  /// Valid until next().
  [[nodiscard]] std::string_view line() const { return line_; }
  /// The line's parts between blanks.
  [[nodiscard]] const std::vector<std::string_view>& words() const { return words_; }
  /// Whether the text ended without the end of this line.
  [[nodiscard]] bool unfinished() const { return unfinished_; }

 private:
  std::string_view rest_;
  std::string_view line_;
  std::vector<std::string_view> words_;
  std::size_t number_ = 0;
  bool unfinished_ = false;
};

/// Without the blanks at its ends.
std::string_view trimmed(std::string_view text);

}  // namespace wiretax
