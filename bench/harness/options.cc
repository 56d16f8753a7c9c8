#include "bench/harness/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdlib>
#include <map>
#include <regex>

#include "bench/harness/failure.h"
#include "report/units.h"

namespace wiretax::bench {
namespace {

/// "0,2,4-6" to core numbers.
std::vector<int> parse_cores(const std::string& text) {
  std::vector<int> cores;
  for (const auto& part : CLI::detail::split(text, ',')) {
    int first = 0;
    int last = 0;
    const int fields = std::sscanf(part.c_str(), "%d-%d", &first, &last);
    if (fields < 1 || first < 0 || (fields == 2 && last < first)) {
      throw CLI::ValidationError("--cpu", fmt::format("'{}' is not a core or a range 0-3", part));
    }
    for (int core = first; core <= (fields == 2 ? last : first); ++core) cores.push_back(core);
  }
  return cores;
}

std::string size_list_error(const std::string& text) {
  try {
    parse_byte_list(text);
    return {};
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
}

std::string positive_seconds_error(const std::string& text) {
  char* end = nullptr;
  const double seconds = std::strtod(text.c_str(), &end);
  const bool number = end != text.c_str() && *end == '\0';
  return number && seconds > 0 && std::isfinite(seconds)
             ? std::string()
             : fmt::format("'{}' is not a number of seconds above 0", text);
}

std::string count_list_error(const std::string& text) {
  try {
    parse_count_list(text);
    return {};
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
}

}  // namespace

void add_common_options(CLI::App& app, Options& options) {
  const std::map<std::string, Profile> profiles = {{"quick", Profile::kQuick},
                                                   {"full", Profile::kFull}};
  app.add_option("--bytes", options.bytes,
                 "Sizes: FIRST:LAST (doubling) or a list: 8:64Mi, 4096,10240")
      ->check(size_list_error);
  app.add_option("--model", options.models,
                 "Measure the exact message sizes of NAME or config.json")
      ->delimiter(',');
  app.add_option("--batch", options.batches, "Sequences per step, for --model")
      ->check(count_list_error)
      ->capture_default_str();
  app.add_option("--profile", options.profile,
                 "quick: at most 60 s; full: what the stopping rules need")
      ->transform(CLI::CheckedTransformer(profiles))
      ->default_str("quick")
      ->option_text("quick|full [quick]");
  app.add_option("--out", options.out, "Write the result file here, anew after every point");
  app.add_option("--deadline", options.deadline_s, "End the whole run after so many seconds")
      ->check(positive_seconds_error);
  app.add_flag("--strict", options.strict, "Exit 3 where a point is suspect or invalid");
  app.add_flag("--force", options.force, "Allow more than a quarter of the available memory");
  app.add_option("--seed", options.seed, "Order of the points and resampling")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option_function<std::string>(
      "--cpu", [&](const std::string& text) { options.cores = parse_cores(text); },
      "Cores to use: 0,2,4-6");
  app.add_option("--color", options.color, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
  app.add_option("--benchmark_filter", options.filter, "Only points whose name matches");
  app.add_flag("--benchmark_list_tests,--list", options.list,
               "Print the names of the points and end");
  app.add_option("--benchmark_context", options.context, "key=value for the file's context");
  app.add_option("--benchmark_repetitions", options.repetitions, "Measure every point so often")
      ->check(CLI::PositiveNumber);
  app.footer(
      "Ki, Mi, Gi are powers of 1024. Exit codes: 0 ok or nothing to measure with; 1 internal; 2 "
      "usage;"
      "\n3 suspect or invalid under --strict; 5 environment; 6 a rank was lost; 7 timeout;"
      "\n8 wrong data; 143 stopped. mpirun may change them; the file's wiretax_status does not.");
}

bool passes_filter(const std::string& filter, const std::string& name) {
  if (filter.empty() || filter == "all") return true;
  const bool negative = filter.front() == '-';
  try {
    const std::regex expression(negative ? filter.substr(1) : filter, std::regex::extended);
    return std::regex_search(name, expression) != negative;
  } catch (const std::regex_error& error) {
    throw Failure(ExitCode::kUsage, fmt::format("--benchmark_filter {}: {}", filter, error.what()));
  }
}

}  // namespace wiretax::bench
