#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "report/importers/foreign_lines.h"
#include "report/importers/perftest_formats.h"
#include "report/importers/perftest_run.h"

namespace wiretax {
namespace {

enum class PerftestColumn {
  kBytes,
  kIterations,
  kPeak,
  kAverage,
  kMessages,
  kMin,
  kMax,
  kTypical,
  kMean,
  kDeviation,
  kP99,
  kP999,
  kOther
};

struct PerftestColumnName {
  std::string_view words;  // before the unit, or all
  PerftestColumn column;
};

constexpr std::array kPerftestColumns = {
    PerftestColumnName{"#bytes", PerftestColumn::kBytes},
    PerftestColumnName{"#iterations", PerftestColumn::kIterations},
    PerftestColumnName{"BW peak", PerftestColumn::kPeak},
    PerftestColumnName{"BW average", PerftestColumn::kAverage},
    PerftestColumnName{"MsgRate Port1", PerftestColumn::kOther},
    PerftestColumnName{"MsgRate Port2", PerftestColumn::kOther},
    PerftestColumnName{"BW Port1", PerftestColumn::kOther},
    PerftestColumnName{"BW Port2", PerftestColumn::kOther},
    PerftestColumnName{"MsgRate", PerftestColumn::kMessages},
    PerftestColumnName{"CPU_Util", PerftestColumn::kOther},
    PerftestColumnName{"t_min", PerftestColumn::kMin},
    PerftestColumnName{"t_max", PerftestColumn::kMax},
    PerftestColumnName{"t_typical", PerftestColumn::kTypical},
    PerftestColumnName{"t_avg", PerftestColumn::kMean},
    PerftestColumnName{"t_stdev", PerftestColumn::kDeviation},
    PerftestColumnName{"99% percentile", PerftestColumn::kP99},
    PerftestColumnName{"99.9% percentile", PerftestColumn::kP999},
    PerftestColumnName{"tps average", PerftestColumn::kOther},
    PerftestColumnName{"#sl", PerftestColumn::kOther},
};

/// "mlx5_0" of " Dual-port : OFF   Device : mlx5_0" for "Device"; empty where it does not stand
/// there.
std::string_view value_of(std::string_view line, std::string_view key) {
  const auto begin = line.find(key);
  if (begin == std::string_view::npos) return {};
  const auto rest = trimmed(line.substr(begin + key.size()));
  if (!rest.starts_with(':')) return {};
  const auto value = trimmed(rest.substr(1));
  return value.substr(0, value.find_first_of(" \t"));
}

/// "65536" of "65536", and of "4096[B]".
std::optional<double> whole_number(std::string_view word) {
  constexpr std::size_t kMostDigits = 12;
  const auto digits = word.substr(0, word.find('['));
  if (digits.empty() || digits.size() > kMostDigits ||
      digits.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  return number_in(digits);
}

class PerftestTextReader {
 public:
  explicit PerftestTextReader(const ForeignText& source)
      : source_(source), lines_(source.text), records_(source) {}

  ResultFile read() {
    for_each_line(source_, lines_, [this] { read_line(); });
    auto& builder = records_.builder();
    builder.set("imported_format", "text");
    builder.set("imported_unit", fmt::format("{}as the header says; times in us", unit_text_));
    return records_.finish();
  }

 private:
  void read_line() {
    const auto& words = lines_.words();
    if (words.empty()) return;
    const auto line = trimmed(lines_.line());
    if (words.front() == "#bytes" || words.front() == "#sl") {
      read_header(line);
    } else if (auto run = perftest_run(line)) {
      begin_run(std::move(*run));
    } else if (!columns_.empty() && whole_number(words.front())) {
      read_row(words);
    } else if (run_) {
      read_setting(line);
    }
  }

  /// The programs of both ends may have written into one file.
  void begin_run(PerftestRun run) {
    if (run_ && rows_ == 0) {
      records_.builder().note(
          "server and client wrote into one file; the device is the later one's");
    }
    run_ = std::move(run);
    columns_.clear();
    rows_ = 0;
  }

  void read_setting(std::string_view line) {
    if (const auto device = value_of(line, "Device"); !device.empty()) run_->device = device;
    if (const auto kind = value_of(line, "Connection type"); !kind.empty()) {
      run_->connection = kind;
    }
    if (const auto pairs = whole_number(value_of(line, "Number of qps"))) {
      run_->queue_pairs = static_cast<std::uint64_t>(*pairs);
    }
    if (const auto mtu = whole_number(value_of(line, "Mtu"))) run_->mtu = *mtu;
    if (const auto cm = value_of(line, "rdma_cm QPs"); !cm.empty()) run_->rdma_cm = cm == "ON";
  }

  void read_header(std::string_view header) {
    if (!run_)
      throw InputError("a header without the title of its test, such as RDMA_Write BW Test");
    columns_.clear();
    unit_.clear();
    while (!header.empty()) {
      const auto* const found = std::ranges::find_if(
          kPerftestColumns,
          [&](const PerftestColumnName& name) { return header.starts_with(name.words); });
      if (found == kPerftestColumns.end()) {
        throw InputError(fmt::format("the column '{}' is not known", header));
      }
      columns_.push_back(found->column);
      header.remove_prefix(found->words.size());
      header = trimmed(take_unit(found->column, header));
    }
  }

  /// "[MB/sec]" and the rest of the header.
  std::string_view take_unit(PerftestColumn column, std::string_view header) {
    if (!header.starts_with('[')) return header;
    const auto end = header.find(']');
    const auto unit = header.substr(1, end == std::string_view::npos ? end : end - 1);
    if (column == PerftestColumn::kAverage) {
      take_rate_unit(unit);
    } else if (unit != "usec" && unit != "Mpps" && unit != "%" && !unit.ends_with("/sec")) {
      throw InputError(fmt::format("the unit '{}' is not known", unit));
    }
    return header.substr(end == std::string_view::npos ? header.size() : end + 1);
  }

  void take_rate_unit(std::string_view unit) {
    if (unit == "Gb/sec") {
      unit_ = "Gb/s";
      unit_text_ = "Gb/s of 10^9 bits, ";
    } else if (unit == "MiB/sec" || unit == "MB/sec") {
      unit_ = "MiB/s";
      unit_text_ = unit == "MB/sec" ? "MB/sec taken as 2^20 bytes/s, which perftest means by it, "
                                    : "MiB/s of 2^20 bytes, ";
    } else {
      throw InputError(fmt::format("the unit '{}' is not known", unit));
    }
  }

  void read_row(const std::vector<std::string_view>& words) {
    if (words.size() != columns_.size()) {
      throw InputError(fmt::format("{} columns, where the header has {}{}", words.size(),
                                   columns_.size(), lines_.unfinished() ? ": cut off" : ""));
    }
    PerftestRow row;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const auto number = number_in(words[i]);
      if (!number) throw InputError(fmt::format("'{}' is not a number", words[i]));
      put(columns_[i], *number, row);
    }
    if (!run_->latency && unit_.empty())
      throw InputError("a header without the unit of BW average");
    records_.add(*run_, row, unit_);
    ++rows_;
  }

  static void put(PerftestColumn column, double number, PerftestRow& row) {
    using enum PerftestColumn;
    if (column == kBytes) row.bytes = number;
    if (column == kIterations) row.iterations = number;
    if (column == kPeak) row.peak_rate = number;
    if (column == kAverage) row.average_rate = number;
    if (column == kMessages) row.message_rate = number;
    if (column == kMin) row.t_min = number;
    if (column == kMax) row.t_max = number;
    if (column == kTypical) row.t_typical = number;
    if (column == kMean) row.t_avg = number;
    if (column == kDeviation) row.t_stdev = number;
    if (column == kP99) row.p99 = number;
    if (column == kP999) row.p999 = number;
  }

  const ForeignText& source_;
  ForeignLines lines_;
  PerftestRecords records_;
  std::optional<PerftestRun> run_;
  std::vector<PerftestColumn> columns_;
  std::string unit_;
  std::string unit_text_;
  std::size_t rows_ = 0;
};

}  // namespace

ResultFile import_perftest_text(const ForeignText& source) {
  return PerftestTextReader(source).read();
}

}  // namespace wiretax
