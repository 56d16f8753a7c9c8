#pragma once

// The subcommands of wiretax-report. Each prints to standard output and returns the exit code;
// errors are exceptions, which main turns into one line and a code.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "report/catalogue.h"
#include "report/prefill.h"
#include "report/table.h"

namespace CLI {
class App;
}

namespace wiretax {

struct Request;
struct ResultFile;

/// Adds a subcommand with its options; parsed, it sets what is to run.
void add_explain(CLI::App& app, std::function<int()>& chosen);
void add_calibrate(CLI::App& app, std::function<int()>& chosen);

using Paths = std::vector<std::filesystem::path>;

constexpr int kUnusable = 5;  // exit code: files that cannot be read, or say nothing

struct SummaryOptions {
  Paths paths;
  Colour colour = Colour::kAuto;
};
int run_summary(const SummaryOptions& options);

struct ModelOptions {
  std::string model;
  std::string batches = "1,8,32";
  std::uint64_t ranks = 2;
  bool json = false;
  Colour colour = Colour::kAuto;
};
int run_model(const ModelOptions& options);

/// Tokens that an engine reads at once. An assumption: vLLM takes 2048 to 16384, by GPU and
/// version.
constexpr std::uint64_t kDefaultChunk = Prompts{}.chunk;

struct DecideOptions {
  Paths paths;
  std::string published;  // in any case; empty: only where no measured fabric decides
  std::vector<std::string> models = default_models();
  std::string batches = "1,8,32";
  std::uint64_t context = 0;  // 0: that of --input and --output, or 1024
  std::string machine = "dgx-spark";
  std::uint64_t ranks = 2;
  std::vector<double> efficiency;  // one value, or low, mid, high; empty: the machine's
  std::vector<double> fixed_ms;
  std::vector<double> gamma;
  std::vector<double> prefill_tflops;  // empty: the machine's, where it has one
  std::uint64_t drafts = 0;
  double accepted = 0;
  std::string kv = "bf16";
  std::vector<std::string> strategies;  // beyond the usual ones
  std::uint64_t input = 0;              // 0: serving is not asked for
  std::uint64_t output = 0;
  std::uint64_t chunk = kDefaultChunk;
  bool why = false;
  std::optional<double> memory_gib;
  std::optional<double> bandwidth_GBps;
  bool detail = false;
  bool json = false;
  std::filesystem::path out;
  Colour colour = Colour::kAuto;
};
int run_decide(const DecideOptions& options);
constexpr std::string_view kDefaultProfile = "dgx-spark-roce";
/// Throws InputError.
void write_file(const std::filesystem::path& path, const std::string& text);
/// What it decides on, with the curves of `results`; the options' own paths are not read.
Request decide_request(const DecideOptions& options, std::span<const ResultFile> results);

/// Exit code: that of the first file that does not say complete.
int run_status(const Paths& paths);

struct TransportOptions {
  Paths paths;
  bool json = false;
  Colour colour = Colour::kAuto;
};
/// Exit code: 0 RDMA or local, 5 SOCKET or MIXED, 3 INCONCLUSIVE.
int run_transport(const TransportOptions& options);

struct SymptomsOptions {
  std::string id;  // empty: all
  bool json = false;
  bool markdown = false;
  Colour colour = Colour::kAuto;
};
int run_symptoms(const SymptomsOptions& options);

struct ImportOptions {
  Paths paths;
  std::string format;  // empty: recognised
  std::string fabric;
  std::uint64_t ranks = 0;  // 0: not said
  std::string unit;
  std::string operation;
  std::filesystem::path out;  // empty: printed
  Colour colour = Colour::kAuto;
};
int run_import(const ImportOptions& options);

int run_models(Colour colour);
int run_machines(Colour colour);
int run_profiles(Colour colour);

}  // namespace wiretax
