#include "report/page/html.h"

#include <fmt/format.h>

namespace wiretax {
namespace {

std::string html_cell(const std::string& text, bool heading, std::size_t span) {
  std::string attributes;
  if (heading) attributes += " scope=row";
  if (span > 1) attributes += fmt::format(" colspan={}", span);
  return fmt::format("<{}{}>{}", heading ? "th" : "td", attributes, html_text(text));
}

/// End tags of rows and cells are left out, as HTML allows: a table may have thousands.
std::string html_row(const Table& table, const std::vector<std::string>& cells) {
  const auto& columns = table.columns();
  std::string row = "<tr>";
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const bool remark = i + 1 == cells.size() && cells.size() < columns.size();
    row += html_cell(cells[i], i == 0, remark ? columns.size() - i : 1);
  }
  return row + "\n";
}

/// "n3" where the third column is of numbers, and so on: a class of the table, since a class of
/// every cell would be half of the page.
std::string number_classes(const Table& table) {
  std::string classes;
  for (std::size_t i = 0; i < table.columns().size(); ++i) {
    if (table.columns()[i].align == Table::Align::kRight) classes += fmt::format(" n{}", i + 1);
  }
  return classes;
}

std::string html_table_head(const Table& table) {
  std::string head = "<thead><tr>";
  for (const auto& column : table.columns()) {
    head +=
        fmt::format("<th scope=col{}>{}", column.align == Table::Align::kRight ? " class=n" : "",
                    html_text(column.title));
  }
  return head + "</thead>\n";
}

}  // namespace

std::string html_text(std::string_view text) {
  std::string html;
  html.reserve(text.size());
  for (const char letter : printable(text)) {
    switch (letter) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      case '\'':
        html += "&#39;";
        break;
      default:
        html += letter;
    }
  }
  return html;
}

std::string json_in_html(std::string_view json) {
  std::string safe;
  safe.reserve(json.size());
  for (const char letter : json) {
    if (letter == '<') {
      safe += "\\u003c";
    } else {
      safe += letter;
    }
  }
  return safe;
}

std::string html_table(const Table& table, const HtmlTable& how) {
  std::string html = fmt::format(
      "<div class=scroll tabindex=0 role=group aria-label=\"{0}\"><table "
      "class=\"{1}{2}\"><caption{3}>{0}"
      "</caption>{4}<tbody>\n",
      html_text(how.caption), how.classes, number_classes(table),
      how.hidden_caption ? " class=unseen" : "", html_table_head(table));
  for (const auto& cells : table.rows()) html += html_row(table, cells);
  return html + "</tbody></table></div>\n";
}

}  // namespace wiretax
