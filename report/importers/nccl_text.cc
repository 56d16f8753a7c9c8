#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "report/importers/foreign_lines.h"
#include "report/importers/nccl_formats.h"
#include "report/importers/nccl_run.h"

namespace wiretax {
namespace {

using Words = std::vector<std::string_view>;

bool is_count(std::string_view word) {
  return !word.empty() && word.find_first_not_of("0123456789") == std::string_view::npos;
}

/// The word behind a text of one or two words, such as "agg", "iters:".
std::string_view word_after(const Words& words, std::string_view first, std::string_view second) {
  for (std::size_t i = 0; i + 2 < words.size(); ++i) {
    if (words[i] == first && words[i + 1] == second) return words[i + 2];
  }
  return {};
}

std::string_view word_after(const Words& words, std::string_view first) {
  const auto found = std::ranges::find(words, first);
  return found == words.end() || found + 1 == words.end() ? std::string_view{} : *(found + 1);
}

/// What a header's column holds.
enum class NcclColumn {
  kSize,
  kIgnored,
  kType,
  kRedop,
  kTime,
  kAlgorithm,
  kBus,
  kWrong,
  kDeviation,
  kLeast,
  kMost
};

const std::map<std::string_view, NcclColumn>& column_names() {
  using enum NcclColumn;
  static const std::map<std::string_view, NcclColumn> kNames = {
      {"size", kSize},    {"count", kIgnored}, {"type", kType},       {"redop", kRedop},
      {"root", kIgnored}, {"time", kTime},     {"cputime", kTime},    {"algbw", kAlgorithm},
      {"busbw", kBus},    {"#wrong", kWrong},  {"error", kDeviation}, {"i_min", kLeast},
      {"i_max", kMost},   {"i_p99", kIgnored}, {"i_cv%", kIgnored}};
  return kNames;
}

class NcclTextReader {
 public:
  explicit NcclTextReader(const ForeignText& source)
      : source_(source), lines_(source.text), records_(source) {}

  ResultFile read() {
    for_each_line(source_, lines_, [this] { read_line(); });
    if (in_run_)
      records_.builder().set("wiretax_status",
                             "5: cut off: the line with the average, which ends a run, is missing");
    records_.builder().set("imported_format", "text");
    return records_.finish();
  }

 private:
  void read_line() {
    const auto& words = lines_.words();
    if (words.empty()) return;
    if (words.front().starts_with('#')) {
      read_comment(words);
    } else if (words.size() > 1 && is_count(words[0]) && is_count(words[1])) {
      read_row(words);
    } else {
      read_other(words);
    }
  }

  /// Lines of the shell and of the program; what else stands between rows is somebody else's.
  void read_other(const Words& words) {
    take_program(words);
    if (lines_.line().find("Test NCCL failure") != std::string_view::npos ||
        lines_.line().find("Test CUDA failure") != std::string_view::npos) {
      records_.builder().set("wiretax_status",
                             fmt::format("5: nccl-tests failed, at line {}", lines_.number()));
      in_run_ = false;
    }
  }

  void take_program(const Words& words) {
    for (const auto word : words) {
      if (auto operation = nccl_operation(word); !operation.empty()) {
        program_ = std::move(operation);
      }
    }
  }

  void read_comment(const Words& words) {
    if (words.size() < 2) return;
    if (words[1] == "nccl-tests" && words.size() > 3) {
      records_.builder().set("imported_version", std::string(words[3]));
    } else if (words[1] == "nThread") {
      begin_run(words);
    } else if (words[1] == "Rank" && words.size() > 2) {
      read_device(words);
    } else if (words[1] == "size" && words.size() > 3) {
      read_header(words);
    } else if (words[1].starts_with("(")) {
      check_units(words);
    } else if (words[1] == "out-of-place" || words[1] == "in-place") {
      in_first_ = words[1] == "in-place";
    } else if (words[1] == "Avg") {
      in_run_ = false;  // and the average says nothing: it is over all sizes and both placements
      program_.clear();
    } else if (words[1] == "Out" && words.back() != "OK") {
      records_.builder().note("nccl-tests found values out of bounds");
    } else {
      take_program(words);
    }
  }

  void begin_run(const Words& words) {
    if (rows_in_run_ > 0 || !in_run_) {
      run_ = {};
      ranks_.clear();
      columns_.clear();
    }
    rows_in_run_ = 0;
    in_run_ = true;
    in_first_ = false;
    const auto graph = word_after(words, "graph:");
    if (is_count(graph)) run_.graph = graph != "0";
    const auto aggregated = word_after(words, "agg", "iters:");
    constexpr std::size_t kMostDigits = 9;
    if (is_count(aggregated) && aggregated.size() <= kMostDigits) {
      run_.aggregated = static_cast<std::uint64_t>(*number_in(aggregated));
    }
    if (run_.aggregated > 1) run_.timing = "aggregated";
  }

  /// "Rank  1 Group  0 Pid  1234 on  spark-b device  0 [000f:01:00] NVIDIA GB10"
  void read_device(const Words& words) {
    constexpr std::size_t kMostRanks = 1U << 20U;
    const std::string rank(words[2]);
    if (!is_count(rank)) return;
    const auto [known, fresh] = ranks_.emplace(rank, lines_.number());
    if (!fresh) {
      throw InputError(fmt::format(
          "rank {} is listed again (before at line {}): several jobs of their own, as mpirun "
          "starts "
          "them where nccl-tests was built without MPI (make MPI=1), or the head of a run that "
          "failed, which has to be cut out",
          rank, known->second));
    }
    if (ranks_.size() > kMostRanks) throw InputError("too many ranks");
    run_.ranks = ranks_.size();
    if (const auto host = word_after(words, "on"); !host.empty()) run_.hosts.emplace(host);
  }

  void read_header(const Words& words) {
    columns_.clear();
    for (auto word = words.begin() + 1; word != words.end(); ++word) {
      const auto found = column_names().find(*word);
      if (found == column_names().end()) {
        throw InputError(fmt::format("the column '{}' is not known", *word));
      }
      columns_.push_back(found->second);
    }
    const auto times = std::ranges::count(columns_, NcclColumn::kTime);
    if (times < 1 || times > 2 || std::ranges::count(columns_, NcclColumn::kAlgorithm) != times ||
        std::ranges::count(columns_, NcclColumn::kBus) != times) {
      throw InputError("a header without time, algbw and busbw for each placement");
    }
    in_run_ = true;
    if (!program_.empty()) run_.operation = program_;
  }

  static void check_units(const Words& words) {
    for (auto word = words.begin() + 1; word != words.end(); ++word) {
      const bool known =
          *word == "(B)" || *word == "(elements)" || *word == "(us)" || *word == "(GB/s)";
      if (!known) throw InputError(fmt::format("the unit '{}' is not known", *word));
    }
  }

  /// -S puts a date and a time behind the columns.
  [[nodiscard]] bool fits_header(const Words& words) const {
    if (words.size() == columns_.size()) return true;
    return words.size() == columns_.size() + 2 && words[words.size() - 2].size() == 10 &&
           words.back().find(':') != std::string_view::npos;
  }

  void read_row(const Words& words) {
    if (columns_.empty()) {
      throw InputError("a row above the header that would say what its columns are");
    }
    if (!fits_header(words)) {
      throw InputError(
          fmt::format("{} columns, where the header has {}: {}", words.size(), columns_.size(),
                      lines_.unfinished() ? "cut off"
                                          : "torn apart, maybe by NCCL's log (NCCL_DEBUG_FILE=FILE "
                                            "keeps it out), or of another version"));
    }
    records_.complete(run_);
    NcclRow row;
    std::vector<NcclTime> times;
    std::vector<bool> present;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      read_cell(columns_[i], words[i], row, times, present);
    }
    for (std::size_t i = 0; i < times.size(); ++i) {
      if (!present[i]) continue;
      records_.add(run_, row, (i == 0) == in_first_ ? "in" : "out", times[i]);
    }
    ++rows_in_run_;
  }

  static void read_cell(NcclColumn column, std::string_view word, NcclRow& row,
                        std::vector<NcclTime>& times, std::vector<bool>& present) {
    using enum NcclColumn;
    if (column == kIgnored) return;
    if (column == kType || column == kRedop) {
      (column == kType ? row.type : row.redop) = word;
      return;
    }
    const auto number = number_in(word);
    if (!number && word != "N/A") throw InputError(fmt::format("'{}' is not a number", word));
    if (column == kSize) {
      row.bytes = number.value_or(0);
      return;
    }
    if (column == kTime) {
      times.emplace_back();
      present.push_back(number.has_value());
    }
    if (times.empty()) throw InputError("a rate stands before its time");
    auto& time = times.back();
    if (column == kTime) time.time_us = number.value_or(0);
    if (column == kAlgorithm) time.algbw = number.value_or(0);
    if (column == kBus) time.busbw = number.value_or(0);
    if (column == kWrong) time.wrong = number;
    if (column == kDeviation) time.deviation = number;
    if (column == kLeast) time.min_us = number;
    if (column == kMost) time.max_us = number;
  }

  const ForeignText& source_;
  ForeignLines lines_;
  NcclRecords records_;
  NcclRun run_;
  std::string program_;                       // the last test that was named
  std::map<std::string, std::size_t> ranks_;  // and the line of each
  std::vector<NcclColumn> columns_;
  bool in_first_ = false;
  bool in_run_ = false;
  std::size_t rows_in_run_ = 0;
};

}  // namespace

ResultFile import_nccl_text(const ForeignText& source) { return NcclTextReader(source).read(); }

}  // namespace wiretax
