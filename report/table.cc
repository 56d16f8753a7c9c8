#include "report/table.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace wiretax {
namespace {

bool is_on(Colour colour) {
  if (colour != Colour::kAuto) return colour == Colour::kAlways;
  const char* const forbidden = std::getenv("NO_COLOR");  // no-color.org
  return isatty(STDOUT_FILENO) != 0 && (forbidden == nullptr || *forbidden == '\0');
}

}  // namespace

Ink::Ink(Colour colour) : on_(is_on(colour)) {}

std::string Ink::wrap(std::string_view text, std::string_view code) const {
  return on_ ? fmt::format("\033[{}m{}\033[0m", code, text) : std::string(text);
}

std::string printable(std::string_view text) {
  std::string safe(text);
  std::ranges::replace_if(
      safe, [](unsigned char c) { return c < ' ' || c == 0x7f; }, '?');
  return safe;
}

void Table::add(std::vector<std::string> cells) {
  if (cells.size() > columns_.size()) throw std::logic_error("table: more cells than columns");
  rows_.push_back(std::move(cells));
}

std::string Table::line(const std::vector<std::string>& cells,
                        const std::vector<std::size_t>& widths) const {
  std::string result;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) result += "  ";
    const bool remark = cells.size() < columns_.size() && i + 1 == cells.size();
    result += remark || columns_[i].align == Align::kLeft
                  ? fmt::format("{:<{}}", cells[i], widths[i])
                  : fmt::format("{:>{}}", cells[i], widths[i]);
  }
  result.erase(result.find_last_not_of(' ') + 1);
  return result + "\n";
}

std::string Table::text(const Ink& ink) const {
  std::vector<std::string> titles;
  std::vector<std::size_t> widths;
  for (const auto& column : columns_) {
    titles.push_back(column.title);
    widths.push_back(column.title.size());
  }
  for (const auto& row : rows_) {
    const auto remark = row.size() < columns_.size() ? row.size() - 1 : row.size();
    for (std::size_t i = 0; i < remark; ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  auto all = ink.bold(line(titles, widths));
  for (const auto& row : rows_) all += line(row, widths);
  return all;
}

}  // namespace wiretax
