#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "report/exporters/exporter.h"
#include "report/record_text.h"
#include "report/units.h"

namespace wiretax {
namespace {

struct MetricFamily {
  std::string_view name;  // with its unit
  std::string_view unit;
  std::string_view help;
  std::string_view counter;  // empty: the mean
  double scale = 1;          // to base units
};

constexpr std::array kMetricFamilies = {
    MetricFamily{"wiretax_operation_seconds", "seconds", "Mean time of one operation.", ""},
    MetricFamily{"wiretax_operation_low_seconds", "seconds",
                 "Lower end of the mean's 95 % interval.", "mean_lo_us", kMicrosecond},
    MetricFamily{"wiretax_operation_high_seconds", "seconds",
                 "Upper end of the mean's 95 % interval.", "mean_hi_us", kMicrosecond},
    MetricFamily{"wiretax_operation_p50_seconds", "seconds", "Median of single operations.",
                 "p50_us", kMicrosecond},
    MetricFamily{"wiretax_operation_p99_seconds", "seconds",
                 "99th percentile of single operations.", "p99_us", kMicrosecond},
    MetricFamily{"wiretax_operation_max_seconds", "seconds", "Slowest single operation.", "max_us",
                 kMicrosecond},
    MetricFamily{"wiretax_operation_bytes_per_second", "bytes_per_second",
                 "Bytes of the operation over its mean time.", "GBps", kGigabyte},
    MetricFamily{"wiretax_operation_bus_bytes_per_second", "bytes_per_second",
                 "The same, comparable with the wire (nccl-tests' bus bandwidth).", "bus_GBps",
                 kGigabyte},
};

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\' || c == '"') result += '\\';
    if (c == '\n') {
      result += "\\n";
    } else if (static_cast<unsigned char>(c) < ' ') {
      result += '?';
    } else {
      result += c;
    }
  }
  return result;
}

/// Letters, digits and '_'; not two at the start, which are reserved.
std::string label_name(std::string_view key) {
  std::string name;
  for (const char c : key) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool digit = c >= '0' && c <= '9';
    name += letter || (digit && !name.empty()) ? c : '_';
  }
  return name.starts_with("__") ? "key" + name : name;
}

class Labels {
 public:
  /// Throws InputError where it is there already.
  void add(std::string_view key, std::string_view value) {
    if (value.empty()) return;
    if (!values_.emplace(label_name(key), value).second) {
      throw InputError(fmt::format("'{}' would be a label twice", key));
    }
  }

  [[nodiscard]] std::string text() const {
    std::string text;
    for (const auto& [name, value] : values_) {
      text += fmt::format("{}{}=\"{}\"", text.empty() ? "" : ",", name, escaped(value));
    }
    return fmt::format("{{{}}}", text);
  }

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

std::string labels_of(const ResultFile& file, const Record& record) {
  Labels labels;
  labels.add("file", file.path.filename().string());
  labels.add("fabric", file.context_value("wiretax_fabric"));
  labels.add("operation", record.operation);
  labels.add("verdict", verdict_name(record.verdict));
  for (const auto& [key, value] : record.keys) labels.add(key, value);
  if (const auto ranks = record.counter("ranks"); ranks && record.key("ranks").empty()) {
    labels.add("ranks", fmt::format("{}", *ranks));
  }
  return labels.text();
}

std::optional<double> value_of(const Record& record, const MetricFamily& family) {
  if (family.counter.empty()) return record.time_s;
  const auto value = record.counter(family.counter);
  return value ? std::optional(*value * family.scale) : std::nullopt;
}

struct LabelledRecord {
  const Record* record;
  std::string labels;
};

/// A repetition of a name gets a number, as no two samples may have the same labels.
std::vector<LabelledRecord> labelled(std::span<const ResultFile> files) {
  std::vector<LabelledRecord> records;
  std::map<std::string, std::size_t> seen;
  for (const auto& file : files) {
    for (const auto& record : file.records) {
      if (!record.measured()) continue;
      auto labels = labels_of(file, record);
      if (const auto before = seen[labels]++; before > 0) {
        labels.insert(labels.size() - 1, fmt::format(",repetition=\"{}\"", before));
      }
      records.push_back({&record, std::move(labels)});
    }
  }
  return records;
}

std::string head(std::string_view name, std::string_view type, std::string_view unit,
                 std::string_view help) {
  auto text = fmt::format("# TYPE {} {}\n", name, type);
  if (!unit.empty()) text += fmt::format("# UNIT {} {}\n", name, unit);
  return text + fmt::format("# HELP {} {}\n", name, help);
}

std::string family_text(const MetricFamily& family, const std::vector<LabelledRecord>& records) {
  std::string samples;
  for (const auto& [record, labels] : records) {
    if (const auto value = value_of(*record, family)) {
      samples += fmt::format("{}{} {}\n", family.name, labels, *value);
    }
  }
  return samples.empty() ? "" : head(family.name, "gauge", family.unit, family.help) + samples;
}

std::string files_text(std::span<const ResultFile> files) {
  std::string infos;
  std::map<std::string, std::size_t> points;
  std::size_t number = 0;
  for (const auto& file : files) {
    Labels labels;
    labels.add("file", file.path.filename().string());
    labels.add("number", fmt::format("{}", number++));  // two folders may have files of one name
    for (const auto* const key : {"wiretax_program", "wiretax_version", "wiretax_fabric",
                                  "wiretax_fabric_kind", "wiretax_status", "wiretax_mark"}) {
      labels.add(std::string_view(key).substr(std::string_view("wiretax_").size()),
                 file.context_value(key));
    }
    infos += fmt::format("wiretax_file_info{} 1\n", labels.text());
    for (const auto& record : file.records) {
      Labels of_points;
      of_points.add("file", file.path.filename().string());
      of_points.add("verdict", verdict_name(record.verdict));
      ++points[of_points.text()];
    }
  }
  auto text =
      head("wiretax_file", "info", "", "Result files, and how their programs ended.") + infos;
  if (points.empty()) return text;
  text += head("wiretax_points", "gauge", "", "Points of a file, by verdict.");
  for (const auto& [labels, count] : points) {
    text += fmt::format("wiretax_points{} {}\n", labels, count);
  }
  return text;
}

}  // namespace

Export export_openmetrics(std::span<const ResultFile> files) {
  const auto records = labelled(files);
  std::string text;
  for (const auto& family : kMetricFamilies) text += family_text(family, records);
  text += files_text(files) + "# EOF\n";
  Export result{.files = {{"", std::move(text)}}, .warnings = {}};
  std::size_t left_out = 0;
  for (const auto& file : files) {
    left_out +=
        static_cast<std::size_t>(std::ranges::count(file.records, false, &Record::measured));
  }
  if (left_out > 0) {
    result.warnings.push_back(fmt::format(
        "invalid and skipped points have no number and are only counted: {}", left_out));
  }
  return result;
}

}  // namespace wiretax
