#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "bench/harness/failure.h"

namespace benchmark {
class BenchmarkReporter;
}

namespace wiretax::bench {

/// The result file: Google Benchmark's own JSON, rewritten as a whole after every point, so that it
/// is valid at any instant and holds every finished point, also after kill -9.
class ResultWriter {
 public:
  /// `path` empty: kept in memory only. `context` is JSON text whose entries join the file's
  /// context.
  ResultWriter(std::filesystem::path path, const std::string& context);
  ~ResultWriter();
  ResultWriter(const ResultWriter&) = delete;
  ResultWriter& operator=(const ResultWriter&) = delete;

  /// The display reporter for Google Benchmark. Runs that carry the error kNotMeasured are passed
  /// over.
  [[nodiscard]] benchmark::BenchmarkReporter& reporter();
  static constexpr const char* kNotMeasured = "not measured";

  /// Why the file could not be written after a point, if so.
  [[nodiscard]] const std::optional<Failure>& failure() const { return failure_; }

  /// Sets wiretax_status and rewrites the file. Throws Failure(kEnvironment).
  void set_status(const std::string& status);
  /// For the supervisor's thread: the same, but gives up after a third of a second and never
  /// throws.
  void set_last_status(const Failure& failure) noexcept;

  /// The file's text as it stands.
  [[nodiscard]] std::string text() const;

 private:
  class Reporter;
  struct Document;
  void write();

  std::filesystem::path path_;
  mutable std::timed_mutex mutex_;  // guards document_ and the file
  std::unique_ptr<Document> document_;
  std::unique_ptr<Reporter> reporter_;
  std::optional<Failure> failure_;
};

/// "7: reason", as wiretax_status says it.
std::string status_of(const Failure& failure);

}  // namespace wiretax::bench
