#include "bench/harness/result_writer.h"

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>

namespace wiretax::bench {
namespace {

using OrderedJson = nlohmann::ordered_json;

/// Throws where a step of writing fails; the file of before stays as it was.
class NewFile {
 public:
  explicit NewFile(const std::filesystem::path& target)
      : target_(target), temporary_(fmt::format("{}.new", target.string())) {
    file_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file_ < 0) fail();
  }
  ~NewFile() {
    if (file_ < 0) return;
    close(file_);
    unlink(temporary_.c_str());
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void write_all(std::string_view text) {
    while (!text.empty()) {
      const auto written = ::write(file_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail();
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  void replace_target() {
    if (fsync(file_) != 0) fail();
    if (rename(temporary_.c_str(), target_.c_str()) != 0) fail();
    close(file_);
    file_ = -1;
  }

 private:
  [[noreturn]] void fail() const {
    throw system_failure(ExitCode::kEnvironment, fmt::format("cannot write {}", target_.string()),
                         errno);
  }

  std::filesystem::path target_;
  std::filesystem::path temporary_;
  int file_ = -1;
};

}  // namespace

struct ResultWriter::Document {
  OrderedJson json = {{"context", OrderedJson::object()}, {"benchmarks", OrderedJson::array()}};
};

/// Turns Google Benchmark's runs into JSON by its own reporter and adds them to the document.
class ResultWriter::Reporter : public benchmark::BenchmarkReporter {
 public:
  explicit Reporter(ResultWriter& writer) : writer_(writer) {}

  bool ReportContext(const Context& context) override {
    context_ = std::make_unique<Context>(context);
    std::ostringstream stream;
    benchmark::JSONReporter json;
    json.SetOutputStream(&stream);
    json.ReportContext(context);
    const auto parsed = OrderedJson::parse(stream.str() + "]}", nullptr, false);
    const std::lock_guard lock(writer_.mutex_);
    auto own = std::exchange(writer_.document_->json["context"],
                             parsed.value("context", OrderedJson::object()));
    writer_.document_->json["context"].update(own);
    return true;
  }

  void ReportRuns(const std::vector<Run>& runs) override {
    auto named = runs;
    for (auto& run : named) {
      run.run_name.iterations.clear();  // else every name ends in /iterations:1/manual_time
      run.run_name.time_type.clear();
      run.run_name.repetitions.clear();
    }
    std::ostringstream stream;
    benchmark::JSONReporter json;
    json.SetOutputStream(&stream);
    json.ReportContext(*context_);
    json.ReportRuns(named);
    json.Finalize();
    const auto parsed = OrderedJson::parse(stream.str());
    const std::lock_guard lock(writer_.mutex_);
    for (const auto& row : parsed["benchmarks"]) {
      if (row.value("error_message", "") == kNotMeasured) continue;
      writer_.document_->json["benchmarks"].push_back(row);
    }
    try {
      writer_.write();
    } catch (const Failure& failure) {
      writer_.failure_ = failure;
    }
  }

 private:
  ResultWriter& writer_;
  std::unique_ptr<Context> context_;
};

ResultWriter::ResultWriter(std::filesystem::path path, const std::string& context)
    : path_(std::move(path)),
      document_(std::make_unique<Document>()),
      reporter_(std::make_unique<Reporter>(*this)) {
  document_->json["context"] = OrderedJson::parse(context);
}

ResultWriter::~ResultWriter() = default;

benchmark::BenchmarkReporter& ResultWriter::reporter() { return *reporter_; }

void ResultWriter::set_status(const std::string& status) {
  const std::lock_guard lock(mutex_);
  document_->json["context"]["wiretax_status"] = status;
  write();
}

void ResultWriter::set_last_status(const Failure& failure) noexcept {
  try {
    const std::unique_lock lock(mutex_, std::chrono::milliseconds(330));
    if (!lock.owns_lock()) return;
    document_->json["context"]["wiretax_status"] = status_of(failure);
    write();
  } catch (const std::exception& error) {
    std::fputs(fmt::format("error: {}\n", error.what()).c_str(), stderr);
  }
}

std::string ResultWriter::text() const {
  const std::lock_guard lock(mutex_);
  return document_->json.dump(2);
}

void ResultWriter::write() {
  if (path_.empty()) return;
  NewFile file(path_);
  file.write_all(document_->json.dump(2));
  file.write_all("\n");
  file.replace_target();
}

std::string status_of(const Failure& failure) {
  return fmt::format("{}: {}", static_cast<int>(failure.code()), failure.what());
}

}  // namespace wiretax::bench
