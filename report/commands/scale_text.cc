#include "report/commands/scale_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "report/units.h"

namespace wiretax {
namespace {

using SizeRows = std::map<std::uint64_t, std::vector<const ScaleRow*>>;

std::string_view algorithm_name(std::size_t index) { return reduce_algorithms()[index].name; }

std::string measured_ranks_text(const MeasuredSteps& measured) {
  std::vector<std::uint64_t> ranks;
  for (const auto& [of, curve] : measured.all_reduce) ranks.push_back(of);
  if (ranks.empty()) return "only a pair's send_recv was measured";
  return fmt::format("all_reduce was measured with {} ranks", fmt::join(ranks, ", "));
}

std::string fastest_text(const ScaleRow& row) {
  return fmt::format("{}", fmt::join(fastest_names(row), ", "));
}

std::string sentence(const MeasuredSteps& measured, std::span<const ScaleRow> rows) {
  const auto& row = *std::ranges::max_element(rows, {}, &ScaleRow::ranks);
  return fmt::format(
      "Extrapolated, on paper: {} over '{}'; an all_reduce of {} over {} ranks would take {} "
      "({}), and at least {}.",
      measured_ranks_text(measured), printable(measured.fabric), format_bytes(row.bytes), row.ranks,
      format_seconds_roughly(row.times[row.fastest].time_s), fastest_text(row),
      format_seconds_roughly(row.least_s));
}

std::string size_table(const std::vector<const ScaleRow*>& rows, const Ink& ink) {
  using enum Table::Align;
  std::vector<Table::Column> columns = {{"ranks"}};
  for (const auto& facts : reduce_algorithms()) columns.push_back({std::string(facts.name)});
  columns.push_back({"bound"});
  columns.push_back({"measured"});
  columns.push_back({"fastest", kLeft});
  const bool counted = rows.front()->count > 0;
  if (counted) columns.push_back({"a step"});
  Table table(columns);
  for (const auto* row : rows) {
    std::vector<std::string> cells = {fmt::format("{}", row->ranks)};
    for (const auto& time : row->times) {
      cells.push_back(format_seconds(time.time_s) + (time.at_bound ? "*" : ""));
    }
    cells.push_back(format_seconds(row->least_s));
    cells.push_back(row->measured_s ? format_seconds(*row->measured_s) : "-");
    cells.push_back(fastest_text(*row));
    if (counted) {
      cells.push_back(format_seconds(real(row->count) * row->times[row->fastest].time_s));
    }
    table.add(std::move(cells));
  }
  return table.text(ink);
}

std::string tables_text(std::span<const ScaleRow> rows, const Ink& ink) {
  SizeRows sizes;
  for (const auto& row : rows) sizes[row.bytes].push_back(&row);
  std::string text;
  for (const auto& [bytes, of_size] : sizes) {
    const auto count = of_size.front()->count;
    const auto title =
        count > 0 ? fmt::format("all_reduce of {}, {} in a step", format_bytes(bytes), count)
                  : fmt::format("all_reduce of {}", format_bytes(bytes));
    text += fmt::format("\n{}\n{}", ink.bold(title), size_table(of_size, ink));
  }
  return text;
}

std::string formulas_text(const Ink& ink) {
  using enum Table::Align;
  Table table({{"algorithm", kLeft}, {"formula", kLeft}, {"source", kLeft}});
  for (const auto& facts : reduce_algorithms()) {
    table.add({std::string(facts.name), std::string(facts.formula), std::string(facts.source)});
  }
  return fmt::format("\n{}p(x): one way of x bytes; S: bytes; N: ranks; L: log2 N, rounded up.\n",
                     table.text(ink));
}

std::string misses_text(const MeasuredSteps& measured, const Ink& ink) {
  using enum Table::Align;
  Table table({{"ranks"},
               {"algorithm", kLeft},
               {"furthest off at"},
               {"formula"},
               {"measured"},
               {"off by"}});
  for (const auto& miss : scale_misses(measured)) {
    const auto& facts =
        *std::ranges::find(reduce_algorithms(), miss.algorithm, &AlgorithmFacts::algorithm);
    table.add({fmt::format("{}", miss.ranks), std::string(facts.name), format_bytes(miss.bytes),
               format_seconds(miss.carried_s), format_seconds(miss.measured_s),
               fmt::format("{:+.0f} %", 100 * (miss.carried_s / miss.measured_s - 1))});
  }
  if (table.empty()) {
    return fmt::format(
        "How far they are off is not known: {}. Curves of 3 or 4 ranks would show it.\n",
        measured_ranks_text(measured));
  }
  return fmt::format("\n{}\n{}", ink.bold("How far the formulas are off where it is known"),
                     table.text(ink));
}

/// But for the last digits; what a bound holds up does not count.
bool are_alike(const CarriedTime& a, const CarriedTime& b) {
  constexpr double kLastDigits = 1e-9;
  return !a.at_bound && !b.at_bound && std::abs(a.time_s / b.time_s - 1) < kLastDigits;
}

/// In how many rows two columns are one; those of the measured ranks agree anyway, by scaling.
std::size_t rows_alike(const MeasuredSteps& measured, std::span<const ScaleRow> rows, std::size_t i,
                       std::size_t j) {
  return static_cast<std::size_t>(std::ranges::count_if(rows, [&](const ScaleRow& row) {
    return row.ranks != measured.most_ranks() && are_alike(row.times[i], row.times[j]);
  }));
}

/// Columns that scaling made one.
std::string alike_text(const MeasuredSteps& measured, std::span<const ScaleRow> rows) {
  std::vector<std::string> pairs;
  for (std::size_t i = 0; i < reduce_algorithms().size(); ++i) {
    for (std::size_t j = i + 1; j < reduce_algorithms().size(); ++j) {
      const auto alike = rows_alike(measured, rows, i, j);
      if (alike == 0) continue;
      pairs.push_back(
          fmt::format("{} and {} in {} of them", algorithm_name(i), algorithm_name(j), alike));
    }
  }
  if (pairs.empty()) return {};
  return fmt::format(
      "Scaling takes out what two formulas differ by, where that is a factor alone. Of {} rows so "
      "the same: {}.\n",
      rows.size(), fmt::join(pairs, ", "));
}

std::string assumptions_text(const MeasuredSteps& measured, std::span<const ScaleRow> rows) {
  auto text = fmt::format("p: {}.\n", measured.pair_from);
  if (const auto known = measured.most_ranks(); known > 0) {
    text += fmt::format(
        "Every formula is scaled to agree with the all_reduce of {} ranks at each size.\n", known);
    text += alike_text(measured, rows);
  }
  text += fmt::format(
      "bound: the larger of 2(N-1)/N S / {} GB/s ({}) and L times the quickest message; * where a "
      "formula fell below it.\nAll ranks are taken to reach each other as those two do: no switch "
      "that is shared, no rank that is late.\n",
      format_gigabytes_per_second(measured.bytes_per_s), measured.bytes_per_s_from);
  const auto& points = measured.pair.points();
  text += fmt::format(
      "Messages below {} are taken to cost as much as that, above {} in proportion: nobody "
      "measured "
      "them.\n",
      format_bytes(points.front().bytes), format_bytes(points.back().bytes));
  for (const auto& [from, to] : measured.pair.holes()) {
    text += fmt::format("note: between {} and {} p was not measured: interpolated.\n",
                        format_bytes(from), format_bytes(to));
  }
  for (const auto& note : measured.notes) text += fmt::format("note: {}\n", printable(note));
  return text;
}

}  // namespace

std::string scale_text(const MeasuredSteps& measured, std::span<const ScaleRow> rows,
                       const Ink& ink) {
  return ink.bold(sentence(measured, rows)) + "\n" + tables_text(rows, ink) + formulas_text(ink) +
         misses_text(measured, ink) + assumptions_text(measured, rows);
}

}  // namespace wiretax
