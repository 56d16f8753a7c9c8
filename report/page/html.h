#pragma once

#include <string>
#include <string_view>

#include "report/table.h"

namespace wiretax {

/// Text as HTML shows it, also within quoted attributes. Control characters become '?'.
std::string html_text(std::string_view text);

/// JSON that cannot end the script element which holds it: '<' is written as \u003c.
std::string json_in_html(std::string_view json);

struct HtmlTable {
  std::string caption;
  std::string_view classes = {};
  bool hidden_caption = false;  // a heading in front says the same
};

/// The table in a box that scrolls by itself. The first cell of a row is its heading; a row with
/// fewer cells than there are columns ends with a cell over the rest.
std::string html_table(const Table& table, const HtmlTable& how);

}  // namespace wiretax
