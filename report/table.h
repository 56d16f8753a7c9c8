#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace wiretax {

/// When to colour. kAuto: standard output is a terminal and NO_COLOR is not set.
enum class Colour { kAuto, kAlways, kNever };

/// Marks text for a terminal, or leaves it alone.
class Ink {
 public:
  explicit Ink(Colour colour);

  [[nodiscard]] std::string bold(std::string_view text) const { return wrap(text, "1"); }
  [[nodiscard]] std::string good(std::string_view text) const { return wrap(text, "32"); }
  [[nodiscard]] std::string doubtful(std::string_view text) const { return wrap(text, "33"); }
  [[nodiscard]] std::string bad(std::string_view text) const { return wrap(text, "31"); }

 private:
  [[nodiscard]] std::string wrap(std::string_view text, std::string_view code) const;

  bool on_;
};

/// Text from a file, safe to print: control characters, which could command a terminal, become '?'.
std::string printable(std::string_view text);

/// Columns of text, as wide as their widest cell; numbers stand to the right.
class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kRight;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// A row with fewer cells than there are columns ends with a remark that may run over the rest.
  /// Throws std::logic_error for more.
  void add(std::vector<std::string> cells);
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] const std::vector<Column>& columns() const { return columns_; }
  [[nodiscard]] const std::vector<std::vector<std::string>>& rows() const { return rows_; }
  [[nodiscard]] std::string text(const Ink& ink) const;

 private:
  [[nodiscard]] std::string line(const std::vector<std::string>& cells,
                                 const std::vector<std::size_t>& widths) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace wiretax
