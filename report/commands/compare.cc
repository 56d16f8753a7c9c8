#include "report/commands/compare.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <memory>
#include <stdexcept>

#include "report/commands/colour_option.h"
#include "report/commands/commands.h"
#include "report/commands/compare_text.h"
#include "report/compare/context_difference.h"
#include "report/compare/run_comparison.h"
#include "report/record.h"

namespace wiretax {
namespace {

constexpr int kDoubtful = 3;
constexpr int kRegression = 4;

struct CompareOptions {
  std::filesystem::path a;
  std::filesystem::path b;
  std::string threshold = "5%";
  std::vector<std::string> changed;
  bool all = false;
  bool json = false;
  Colour colour = Colour::kAuto;
};

/// "5%" or "5" to .05.
double parse_threshold(std::string_view text) {
  constexpr double kMostPercent = 10'000;
  double percent = 0;
  const auto* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, percent);
  const std::string_view unit(rest, static_cast<std::size_t>(end - rest));
  if (error != std::errc{} || !(percent >= 0) || percent > kMostPercent ||
      !(unit.empty() || unit == "%")) {
    throw std::invalid_argument(fmt::format("--threshold: '{}' is not a percentage", text));
  }
  return percent / 100;
}

CompareRequest request_of(const CompareOptions& options) {
  CompareRequest request = {.threshold = parse_threshold(options.threshold), .changed = {}};
  for (const auto& word : options.changed) {
    if (!forbidding_words().contains(word)) {
      throw std::invalid_argument(
          fmt::format("--changed: '{}' is none of {}", word, fmt::join(forbidding_words(), ", ")));
    }
    request.changed.insert(word);
  }
  return request;
}

int exit_code_of(const RunComparison& comparison) {
  if (comparison.count(Change::kSlower) > 0) return kRegression;
  return comparison.doubt().empty() ? 0 : kDoubtful;
}

int run_compare(const CompareOptions& options) {
  const auto request = request_of(options);
  const auto a = read_results(std::vector{options.a});
  const auto b = read_results(std::vector{options.b});
  const auto comparison = compare_runs(a, b, request);
  const int code = exit_code_of(comparison);
  if (options.json) {
    fmt::print("{}", comparison_json(comparison, code));
  } else {
    fmt::print("{}", comparison_text(comparison, options.all, Ink(options.colour)));
  }
  return code;
}

}  // namespace

void add_compare(CLI::App& app, std::function<int()>& chosen) {
  const auto options = std::make_shared<CompareOptions>();
  auto& command = *app.add_subcommand("compare", "did anything become slower from run A to run B?");
  command.add_option("A", options->a, "a result file, or a folder of them")->required();
  command.add_option("B", options->b, "likewise, of the later run")->required();
  command.add_option("--threshold", options->threshold, "what is still the same, of the time")
      ->capture_default_str();
  command
      .add_option("--changed", options->changed,
                  "differences that are meant, and so do not forbid to compare, a list: mtu, ...")
      ->delimiter(',');
  command.add_flag("--all", options->all, "also the points that are the same");
  command.add_flag("--json", options->json, "JSON instead of text");
  add_colour(command, options->colour);
  command.footer(
      "Exit codes: 0 nothing is slower for certain; 4 a point is slower by more than the "
      "threshold; 3 none is,\nbut the comparison is not whole: its first sentence says why.");
  command.callback([options, &chosen] { chosen = [options] { return run_compare(*options); }; });
}

}  // namespace wiretax
