#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <vector>

#include "report/observation_formats.h"
#include "report/record.h"

namespace wiretax {
namespace {

using Cells = std::vector<std::string>;

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r*`");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r*`") - first + 1);
}

/// "| a | b |" to cells.
Cells table_cells(std::string_view line) {
  Cells cells;
  line = trimmed(line);
  if (line.starts_with('|')) line.remove_prefix(1);
  if (line.ends_with('|')) line.remove_suffix(1);
  for (bool more = true; more;) {
    const auto bar = line.find('|');
    cells.emplace_back(trimmed(line.substr(0, bar)));
    more = bar != std::string_view::npos;
    if (more) line.remove_prefix(bar + 1);
  }
  return cells;
}

/// A row of csv: cells in quotes may hold commas, and a doubled quote is one.
Cells csv_cells(std::string_view line) {
  Cells cells(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted && c == '"' && i + 1 < line.size() && line[i + 1] == '"') {
      cells.back() += line[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      cells.emplace_back();
    } else if (c != '\r') {
      cells.back() += c;
    }
  }
  if (quoted) throw std::invalid_argument("a quote that does not end");
  return cells;
}

std::optional<std::size_t> column(const Cells& header, std::string_view name) {
  const auto found = std::ranges::find(header, name);
  if (found == header.end()) return std::nullopt;
  return static_cast<std::size_t>(found - header.begin());
}

std::size_t needed_column(const Cells& header, std::string_view name) {
  const auto found = column(header, name);
  if (!found) throw std::invalid_argument(fmt::format("no column '{}'", name));
  return *found;
}

std::uint64_t count_of(const std::string& cell, std::string_view name) {
  std::uint64_t value = 0;
  const auto* const end = cell.data() + cell.size();
  const auto [rest, error] = std::from_chars(cell.data(), end, value);
  if (error != std::errc{} || rest != end || value > kMostObservedTokens) {
    throw std::invalid_argument(fmt::format("{}: '{}' is not a number of tokens", name, cell));
  }
  return value;
}

void leave_out(Observations& found, std::string why) {
  if (std::ranges::count(found.notes, why) == 0) found.notes.push_back(std::move(why));
}

double spread_of(std::string_view text) {
  const bool none = trimmed(text).find_first_not_of("0.") == std::string_view::npos;
  return none ? 0 : parse_rate(text);
}

/// Calls `read` with every line and lets its std::invalid_argument name the place.
template <typename Read>
void each_line(std::string_view text, const std::string& origin, const Read& read) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    try {
      read(text.substr(0, end));
    } catch (const std::invalid_argument& error) {
      throw InputError(fmt::format("{} line {}: {}", origin, number, error.what()));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void read_csv_row(const Cells& header, const Cells& cells, Observations& found) {
  if (cells.size() != header.size()) {
    throw std::invalid_argument(
        fmt::format("{} cells under {} columns", cells.size(), header.size()));
  }
  const auto tokens = [&](std::string_view name) {
    return count_of(cells[needed_column(header, name)], name);
  };
  Observation row;
  row.prompt = tokens("n_prompt");
  row.generated = tokens("n_gen");
  if (column(header, "n_depth")) row.depth = tokens("n_depth");
  row.tokens_per_s = parse_rate(cells[needed_column(header, "avg_ts")]);
  if (const auto at = column(header, "stddev_ts")) row.error = spread_of(cells[*at]);
  if (const auto at = column(header, "model_type")) found.model = cells[*at];
  if (row.prompt == 0 && row.generated == 0) throw std::invalid_argument("a test of no tokens");
  if (row.prompt > 0 && row.generated > 0) {
    return leave_out(found, "tests of a prompt and an answer together (pg) are left out");
  }
  if (row.prompt > 0 && row.depth > 0) {
    return leave_out(found, "prompts read after a context are left out");
  }
  if (row.prompt > 0) row.phase = Phase::kPrefill;
  if (row.generated > 0) row.context = row.depth + row.generated / 2;
  add_once(found.rows, row);
}

/// The columns of a table with a header like "| model | ... | test | t/s |".
struct TableColumns {
  std::size_t test = 0;
  std::size_t rate = 0;
  std::optional<std::size_t> model;
  std::size_t count = 0;
};

std::optional<TableColumns> columns_of(const Cells& cells) {
  const auto test = column(cells, "test");
  auto rate = column(cells, "t/s (total)");
  if (!rate) rate = column(cells, "t/s");
  if (!test || !rate) return std::nullopt;
  return TableColumns{*test, *rate, column(cells, "model"), cells.size()};
}

/// "131.42 ± 0.59"; the value alone where there was one run.
void read_table_value(std::string_view cell, Observation& row) {
  constexpr std::string_view kSign = "\u00b1";
  const auto at = cell.find(kSign);
  row.tokens_per_s = parse_rate(cell.substr(0, at));
  if (at != std::string_view::npos) row.error = spread_of(cell.substr(at + kSign.size()));
}

void read_table_row(const TableColumns& columns, const Cells& cells, Observations& found) {
  if (cells.size() != columns.count) {
    throw std::invalid_argument(
        fmt::format("{} cells under {} columns", cells.size(), columns.count));
  }
  const auto& test = cells[columns.test];
  if (test.find("ctx") != std::string::npos || test.find('+') != std::string::npos) {
    return leave_out(found, "tests that fill the context, or do both at once, are left out");
  }
  auto row = parse_test_name(test);
  if (!row) throw std::invalid_argument(fmt::format("test '{}' is not known", test));
  if (cells[columns.rate].empty()) return;  // llama-benchy leaves out what it did not measure
  read_table_value(cells[columns.rate], *row);
  if (row->phase == Phase::kPrefill && row->depth > 0) {
    return leave_out(found, "prompts read after a context are left out");
  }
  if (columns.model) found.model = cells[*columns.model];
  add_once(found.rows, *row);
}

bool is_rule(const Cells& cells) {
  return std::ranges::all_of(cells, [](const std::string& cell) {
    return cell.find_first_not_of("-: ") == std::string::npos;
  });
}

}  // namespace

Observations parse_bench_csv(std::string_view text, const std::string& origin) {
  Observations found;
  found.tool = "llama-bench";
  Cells header;
  each_line(text, origin, [&](std::string_view line) {
    if (trimmed(line).empty()) return;
    auto cells = csv_cells(line);
    if (header.empty()) {
      header = std::move(cells);
    } else {
      read_csv_row(header, cells, found);
    }
  });
  return found;
}

Observations parse_bench_table(std::string_view text, const std::string& origin) {
  Observations found;
  std::optional<TableColumns> columns;
  each_line(text, origin, [&](std::string_view line) {
    if (!trimmed(line).starts_with('|')) return;
    const auto cells = table_cells(line);
    if (is_rule(cells)) return;
    if (const auto header = columns_of(cells)) {
      columns = header;
      found.tool = column(cells, "ttfr (ms)") ? "llama-benchy" : "llama-bench";
    } else if (columns) {
      read_table_row(*columns, cells, found);
    }
  });
  if (!columns) {
    throw InputError(fmt::format("{}: no table with the columns 'test' and 't/s'", origin));
  }
  return found;
}

}  // namespace wiretax
