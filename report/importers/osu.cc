#include "report/importers/osu.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "report/importers/builder.h"
#include "report/importers/foreign_lines.h"
#include "report/units.h"

namespace wiretax {
namespace {

/// A test of the suite by the words of its title between "OSU MPI-CUDA " and " Test".
struct OsuTest {
  std::string_view title;
  std::string_view curve;  // operation; of two ranks with its timing
  bool per_rank = false;   // its size is one rank's, ours is the total
  double messages = 1;     // that are sent for one size at once
};

constexpr std::array kOsuTests = {
    OsuTest{"Allreduce Latency", "all_reduce"},
    OsuTest{"Allgather Latency", "all_gather", true},
    OsuTest{"Reduce_scatter Latency", "reduce_scatter"},
    OsuTest{"All-to-All Personalized Exchange Latency", "all_to_all", true},
    OsuTest{"Alltoall Latency", "all_to_all", true},
    OsuTest{"Broadcast Latency", "broadcast"},
    OsuTest{"Bcast Latency", "broadcast"},
    OsuTest{"Reduce Latency", "reduce"},
    OsuTest{"Gather Latency", "gather", true},
    OsuTest{"Scatter Latency", "scatter", true},
    OsuTest{"Latency", "send_recv/timing:chained"},
    OsuTest{"Bandwidth", "send_recv/timing:pipelined"},
    OsuTest{"Bi-Directional Bandwidth", "send_recv/timing:pipelined/ways:2", false, 2},
};

constexpr std::array kOsuTypes = {
    std::pair<std::string_view, std::string_view>{"MPI_CHAR", "int8"},
    std::pair<std::string_view, std::string_view>{"MPI_INT", "int32"},
    std::pair<std::string_view, std::string_view>{"MPI_FLOAT", "float32"},
};

enum class OsuColumn { kSize, kTime, kRate, kLeast, kMost, kIterations, kValidation, kIgnored };

struct OsuColumnName {
  std::string_view words;
  OsuColumn column;
};

/// As they stand in headers, longer ones before those that they begin with.
constexpr std::array kOsuColumns = {
    OsuColumnName{"Size", OsuColumn::kSize},
    OsuColumnName{"Avg Latency(us)", OsuColumn::kTime},
    OsuColumnName{"Latency (us)", OsuColumn::kTime},
    OsuColumnName{"Latency(us)", OsuColumn::kTime},
    OsuColumnName{"Bandwidth (MB/s)", OsuColumn::kRate},
    OsuColumnName{"Min Latency(us)", OsuColumn::kLeast},
    OsuColumnName{"Max Latency(us)", OsuColumn::kMost},
    OsuColumnName{"Iterations", OsuColumn::kIterations},
    OsuColumnName{"Validation", OsuColumn::kValidation},
    OsuColumnName{"Transmit Size", OsuColumn::kIgnored},
};

/// "P99 Tail Lat(us)", a percentile of the means of the ranks, which is nothing of ours.
std::size_t tail_length(std::string_view header) {
  const auto digits = header.find_first_not_of("0123456789", 1);
  if (!header.starts_with('P') || digits == 1 || digits == std::string_view::npos) return 0;
  for (const std::string_view tail : {" Tail Lat(us)", " Tail BW(MB/s)"}) {
    if (header.substr(digits).starts_with(tail)) return digits + tail.size();
  }
  return 0;
}

struct OsuRow {
  double bytes = 0;
  double value = 0;  // us, or MB/s
  std::optional<double> least;
  std::optional<double> most;
  std::optional<double> iterations;
  bool failed = false;
};

class OsuReader {
 public:
  explicit OsuReader(const ForeignText& source)
      : source_(source), lines_(source.text), builder_(source, "osu") {}

  ResultFile read() {
    for_each_line(source_, lines_, [this] { read_line(); });
    builder_.set("imported_format", "text");
    builder_.set("imported_unit", "as the header says: times in us, MB/s of 10^6 bytes");
    builder_.set("transport", "unknown: OSU's benchmarks do not tell what carried the data");
    return builder_.finish(nccl_ ? "engine" : "host_mpi");
  }

 private:
  void read_line() {
    const auto& words = lines_.words();
    if (words.empty()) return;
    const auto line = trimmed(lines_.line());
    if (line.starts_with("# OSU ")) {
      begin_test(line);
    } else if (line.starts_with("# Datatype:")) {
      read_type(words);
    } else if (line.starts_with("# Size") || line.starts_with("# Avg") ||
               line.starts_with("# Bandwidth")) {
      read_header(trimmed(line.substr(1)));
    } else if (test_ != nullptr && number_in(words.front())) {
      read_row(words);
    }
  }

  /// "# OSU MPI-CUDA Allreduce Latency Test v7.4"
  void begin_test(std::string_view line) {
    constexpr std::string_view kEnd = " Test";
    const auto end = line.find(kEnd);
    const auto library = line.find(' ', std::string_view("# OSU ").size());
    if (end == std::string_view::npos || library >= end) {
      throw InputError("a title that is no test's");
    }
    const auto backend = line.substr(6, library - 6);
    const auto title = line.substr(library + 1, end - library - 1);
    const auto* const found = std::ranges::find(kOsuTests, title, &OsuTest::title);
    if (found == kOsuTests.end()) {
      throw InputError(fmt::format("the test '{}' is not one that is read", title));
    }
    test_ = found;
    columns_.clear();
    type_.clear();
    take_backend(backend);
    builder_.set("imported_version", std::string(trimmed(line.substr(end + kEnd.size()))));
  }

  void take_backend(std::string_view backend) {
    const auto name = backend.substr(0, backend.find('-'));
    const bool nccl = name == "NCCL" || name == "RCCL";
    if (!nccl && name != "MPI") throw InputError(fmt::format("'{}' is not MPI or NCCL", backend));
    if (!builder_.empty() && nccl != nccl_) {
      throw InputError("tests of MPI and of NCCL in one file: import them apart");
    }
    nccl_ = nccl;
    if (name.size() < backend.size()) {
      builder_.note(fmt::format("messages in the memory of {}", backend.substr(name.size() + 1)));
    }
  }

  void read_type(const std::vector<std::string_view>& words) {
    auto name = words.back();
    if (name.ends_with('.')) name.remove_suffix(1);
    const auto* const found =
        std::ranges::find(kOsuTypes, name, &std::pair<std::string_view, std::string_view>::first);
    if (found == kOsuTypes.end()) throw InputError(fmt::format("the type '{}' is not known", name));
    type_ = found->second;
  }

  void read_header(std::string_view header) {
    if (test_ == nullptr) throw InputError("a header without the title of its test");
    columns_.clear();
    while (!header.empty()) {
      const auto* const found = std::ranges::find_if(
          kOsuColumns, [&](const OsuColumnName& name) { return header.starts_with(name.words); });
      const auto length = found == kOsuColumns.end() ? tail_length(header) : found->words.size();
      if (length == 0) throw InputError(fmt::format("the column '{}' is not known", header));
      columns_.push_back(found == kOsuColumns.end() ? OsuColumn::kIgnored : found->column);
      header = trimmed(header.substr(length));
    }
    if (columns_.front() != OsuColumn::kSize) {
      throw InputError("a test without sizes is not read");
    }
    if (!has(OsuColumn::kTime) && !has(OsuColumn::kRate)) {
      throw InputError("a header that names neither times nor rates");
    }
    add_full_columns_ = true;
  }

  [[nodiscard]] bool has(OsuColumn column) const {
    return std::ranges::count(columns_, column) > 0;
  }

  /// With -f some versions name one column and print four.
  void fit_columns(std::size_t words) {
    using enum OsuColumn;
    if (words == columns_.size()) return;
    const bool bare = columns_.size() == 2 && columns_[1] == kTime && words == 5;
    if (!bare || !std::exchange(add_full_columns_, false)) {
      throw InputError(fmt::format("{} columns, where the header has {}{}", words, columns_.size(),
                                   lines_.unfinished() ? ": cut off" : ""));
    }
    columns_.insert(columns_.end(), {kLeast, kMost, kIterations});
    builder_.note(
        "the header names one column of times and the rows have four numbers: they are taken as "
        "mean, minimum, maximum and iterations, which -f prints");
  }

  void read_row(const std::vector<std::string_view>& words) {
    if (columns_.empty()) throw InputError("a row above the header");
    fit_columns(words.size());
    OsuRow row;
    for (std::size_t i = 0; i < columns_.size(); ++i) read_cell(columns_[i], words[i], row);
    if (row.least && row.most && !(*row.least <= row.value && row.value <= *row.most)) {
      throw InputError(fmt::format("a mean of {} that is not between {} and {}", row.value,
                                   *row.least, *row.most));
    }
    add(row);
  }

  static void read_cell(OsuColumn column, std::string_view word, OsuRow& row) {
    using enum OsuColumn;
    if (column == kIgnored) return;
    if (column == kValidation) {
      row.failed = word != "Pass";
      return;
    }
    const auto number = number_in(word);
    if (!number) throw InputError(fmt::format("'{}' is not a number", word));
    if (column == kSize) row.bytes = *number;
    if (column == kTime || column == kRate) row.value = *number;
    if (column == kLeast) row.least = number;
    if (column == kMost) row.most = number;
    if (column == kIterations) row.iterations = number;
  }

  void add(const OsuRow& row) {
    constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    const bool rate = has(OsuColumn::kRate);
    const double ranks = static_cast<double>(ranks_of());
    const double bytes = row.bytes * (test_->per_rank ? ranks : 1);
    const double time_us =
        rate ? test_->messages * bytes / (row.value * kMegabyte) / kMicrosecond : row.value;
    auto& record = builder_.add(curve(), bytes, time_us,
                                {{"ranks", ranks},
                                 {"operations", row.iterations.value_or(kNone)},
                                 {"fastest_rank_us", row.least.value_or(kNone)},
                                 {"slowest_rank_us", row.most.value_or(kNone)},
                                 {"GBps", rate ? row.value * kMegabyte / kGigabyte : kNone}});
    if (row.failed) ImportBuilder::invalidate(record, "the data was wrong");
    if (test_->per_rank) {
      builder_.note("sizes of one rank in OSU's tables are totals of all ranks here");
    }
    if (test_->curve.find('/') == std::string_view::npos) {
      builder_.note(
          "OSU times one operation at a time behind a barrier, launch and synchronisation "
          "included, "
          "and means over the ranks");
    }
  }

  [[nodiscard]] std::uint64_t ranks_of() const {
    if (test_->curve.starts_with("send_recv")) return 2;
    if (source_.hints.ranks > 0) return source_.hints.ranks;
    throw InputError(
        "the file does not say how many ranks there were: wiretax-report import --ranks N");
  }

  [[nodiscard]] std::string curve() const {
    const auto slash = test_->curve.find('/');
    auto name = fmt::format("{}/backend:{}", test_->curve.substr(0, slash), nccl_ ? "nccl" : "mpi");
    if (!type_.empty()) name += fmt::format("/type:{}", type_);
    return name + (slash == std::string_view::npos ? "/timing:isolated"
                                                   : std::string(test_->curve.substr(slash)));
  }

  const ForeignText& source_;
  ForeignLines lines_;
  ImportBuilder builder_;
  const OsuTest* test_ = nullptr;
  bool nccl_ = false;
  bool add_full_columns_ = false;
  std::string type_;
  std::vector<OsuColumn> columns_;
};

}  // namespace

bool is_osu(std::string_view text) { return text.find("# OSU ") != std::string_view::npos; }

ResultFile import_osu(const ForeignText& source) { return OsuReader(source).read(); }

}  // namespace wiretax
