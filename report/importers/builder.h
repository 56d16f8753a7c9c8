#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "report/importers/foreign_lines.h"
#include "report/importers/importer.h"

namespace wiretax {

/// Throws InputError "FILE:LINE: MESSAGE".
[[noreturn]] void fail_at(const ForeignText& source, std::size_t line, std::string_view message);

/// Reads to the end; what `read` throws as InputError is told with file and line.
template <typename Read>
void for_each_line(const ForeignText& source, ForeignLines& lines, Read read) {
  while (lines.next()) {
    try {
      read();
    } catch (const InputError& error) {
      fail_at(source, lines.number(), error.what());
    }
  }
}

/// A number that fills the whole word, "nan" and "inf" included.
std::optional<double> number_in(std::string_view word);

/// Puts a result file together from what an importer reads.
class ImportBuilder {
 public:
  ImportBuilder(const ForeignText& source, std::string_view tool);

  /// An entry of the context; an empty value stays away.
  void set(std::string_view key, std::string value);
  /// What a reader has to know: each text once, in order.
  void note(std::string text);

  /// A point: its name up to "/bytes:", size, time of one operation in microseconds and counters,
  /// of which those that are no finite numbers are left out. A time that is no measurement makes an
  /// invalid point.
  Record& add(const std::string& curve, double bytes, double time_us,
              const std::vector<std::pair<std::string_view, double>>& counters);
  /// Takes the number away, and says why.
  static void invalidate(Record& record, std::string reason);
  /// Keeps the number, with a doubt.
  static void doubt(Record& record, std::string_view reason);

  [[nodiscard]] bool empty() const { return file_.records.empty(); }
  /// Adds provenance and what the curves themselves show. Throws InputError where nothing was read.
  [[nodiscard]] ResultFile finish(std::string_view fabric_kind);

 private:
  void note_shape();

  const ForeignText& source_;
  std::string tool_;
  ResultFile file_;
  std::vector<std::string> notes_;
  std::uint64_t empty_sizes_ = 0;
  Record discarded_;
};

}  // namespace wiretax
