#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "report/curve.h"

namespace wiretax {

/// The version of the result file's layout; files of a later one are refused.
constexpr int kSchemaVersion = 1;

/// An input that cannot be used: the message names the file, the row and the field.
class InputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum class Verdict { kValid, kSuspect, kSkipped, kInvalid };

/// One measured point, as every program writes it and every importer makes it.
struct Record {
  std::string name;       // "all_reduce/backend:mpi/timing:chained/bytes:10240"
  std::string operation;  // the name up to the first '/'
  std::map<std::string, std::string, std::less<>> keys;  // the name's key:value parts
  double time_s = 0;  // total time over operations; 0 where there is no measurement
  std::map<std::string, double, std::less<>> counters;
  Verdict verdict = Verdict::kValid;
  std::string reason;  // why it is not valid

  [[nodiscard]] bool measured() const {
    return verdict == Verdict::kValid || verdict == Verdict::kSuspect;
  }
  [[nodiscard]] std::optional<double> counter(std::string_view counter_name) const;
  /// The value of a key of the name, or "" where the name has no such key.
  [[nodiscard]] std::string_view key(std::string_view key_name) const&;
  std::string_view key(std::string_view) const&& = delete;  // it would outlive what it is of
  /// Needs measured() and the counter `bytes`. Without an interval the mean stands for both ends.
  [[nodiscard]] CurvePoint curve_point() const;
};

/// A result file: Google Benchmark's JSON (1.7 and later error fields) with wiretax's context, of
/// which wiretax_status says how the program ended: "running" in the file of an ended program means
/// killed.
struct ResultFile {
  std::filesystem::path path;
  std::map<std::string, std::string, std::less<>> context;  // values that are not text as JSON
  std::vector<Record> records;

  [[nodiscard]] std::string_view context_value(std::string_view key) const;
  /// The context's wiretax_notes: what a reader has to know.
  [[nodiscard]] std::vector<std::string> notes() const;
  void set_notes(const std::vector<std::string>& notes);
};

/// Splits a name into operation and keys. Throws InputError where a part is not key:value.
Record parse_name(std::string_view name);

/// Throws InputError: not there, truncated, not such a file, a later schema, or a row that lies.
ResultFile read_result_file(const std::filesystem::path& path);
ResultFile parse_result_file(std::string_view text, const std::filesystem::path& path);

/// The result files among the given files and directories: *.json that are no result files are
/// passed over in a directory, but not where named themselves. Throws InputError on what cannot be
/// read.
std::vector<std::filesystem::path> result_paths(std::span<const std::filesystem::path> paths);

/// All of them, read; other tools' output as well (report/importers), where it is named.
std::vector<ResultFile> read_results(std::span<const std::filesystem::path> paths);

}  // namespace wiretax
