#include "report/calibrate.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <fstream>
#include <memory>
#include <stdexcept>

#include "report/commands/colour_option.h"
#include "report/commands/commands.h"
#include "report/record.h"
#include "report/units.h"

namespace wiretax {
namespace {

constexpr std::uint64_t kDeepestContext = 100'000'000;
constexpr double kMostTokensPerStep = 65;

struct CalibrateOptions {
  std::string model;
  std::vector<std::string> from;
  std::string machine = "dgx-spark";
  std::filesystem::path out;
  std::uint64_t context = 1024;
  double tokens_per_step = 1;
  Colour colour = Colour::kAuto;
};

/// Several files are one set of tests.
void add_tests(const std::string& from, Claim& run, std::vector<std::string>& notes) {
  Observations found;
  std::error_code error;
  if (std::filesystem::exists(from, error)) {
    found = read_observation_file(from);
  } else if (from.find('=') == std::string::npos) {
    throw InputError(fmt::format("{}: no such file, and no KEY=TOKENS_PER_SECOND either", from));
  } else {
    try {
      found.rows = parse_observations(from);
    } catch (const std::invalid_argument& wrong) {
      throw std::invalid_argument(fmt::format("--from: {}", wrong.what()));
    }
  }
  for (const auto& note : found.notes) notes.push_back(note);
  if (!found.tool.empty()) {
    notes.push_back(fmt::format("{} calls the model '{}'; taken as {}", found.tool, found.model,
                                run.model.name));
  }
  for (const auto& row : found.rows) run.observed.push_back(row);
}

std::string range_text(const Band& band, double unit, const char* name) {
  return fmt::format("{:.3g}{} ({:.3g} to {:.3g})", band.mid / unit, name, band.low / unit,
                     band.high / unit);
}

std::string calibration_sentence(const Claim& run, const Calibration& result) {
  std::string text = fmt::format("{} with {}: ", run.machine.name, run.model.name);
  if (result.decodes) {
    text +=
        fmt::format("memory efficiency {}, fixed cost {}{}", range_text(result.efficiency, 1, ""),
                    range_text(result.fixed_s, kMillisecond, " ms"),
                    result.told_apart ? "" : ", which is assumed");
  }
  if (result.gamma) text += ", gamma " + range_text(*result.gamma, 1, "");
  if (result.prefill_flops_per_s) {
    text += fmt::format("{}prompts at {}", result.decodes ? ", " : "",
                        range_text(*result.prefill_flops_per_s, kTeraflop, " TFLOP/s"));
  }
  return text + ".";
}

std::string pairs_text(const Calibration& result, const Ink& ink) {
  if (result.pairs.empty()) return {};
  const bool with_gamma = result.pairs.front().gamma.has_value();
  std::vector<Table::Column> columns = {{"efficiency"}, {"fixed ms"}};
  if (with_gamma) columns.push_back({"gamma"});
  Table table(columns);
  for (const auto& [efficiency, fixed_s, gamma] : result.pairs) {
    std::vector<std::string> cells = {fmt::format("{:.3f}", efficiency),
                                      fmt::format("{:.2f}", fixed_s / kMillisecond)};
    if (with_gamma) cells.push_back(fmt::format("{:.2f}", gamma.value_or(0)));
    table.add(std::move(cells));
  }
  return fmt::format(
      "\n{}\n{}",
      ink.bold(with_gamma ? "Pairs that the tests allow, and the gamma that fits each best"
                          : "Pairs that the tests allow"),
      table.text(ink));
}

std::string tests_text(const Calibration& result, const Ink& ink) {
  if (result.tests.empty()) return {};
  Table table({{"test", Table::Align::kLeft}, {"tokens/s"}, {"fitted"}, {"off"}});
  for (const auto& test : result.tests) {
    table.add({test.name, format_figures(test.seen), format_figures(test.fitted),
               fmt::format("{:+.1f} %", 100 * (test.fitted / test.seen - 1))});
  }
  return "\n" + table.text(ink);
}

Claim run_of(const CalibrateOptions& options, std::vector<std::string>& notes) {
  if (!std::isfinite(options.tokens_per_step) || options.tokens_per_step < 1 ||
      options.tokens_per_step > kMostTokensPerStep) {
    throw std::invalid_argument(fmt::format("--tokens-per-step: {} is not from 1 to {}",
                                            options.tokens_per_step, kMostTokensPerStep));
  }
  Claim run;
  run.model = find_model(options.model);
  run.machine = find_machine(options.machine);
  run.context = options.context;
  run.tokens_per_step = options.tokens_per_step;
  run.drafts = static_cast<std::uint64_t>(std::ceil(options.tokens_per_step - 1));
  for (const auto& from : options.from) add_tests(from, run, notes);
  return run;
}

void write_machine(const std::filesystem::path& path, const Machine& machine) {
  std::ofstream stream(path, std::ios::binary);
  stream << machine_json(machine);
  if (!stream.flush()) throw InputError(fmt::format("{}: cannot be written", path.string()));
}

int run_calibrate(const CalibrateOptions& options) {
  std::vector<std::string> notes;
  const auto run = run_of(options, notes);
  const auto result = calibrate(run);
  const Ink ink(options.colour);
  fmt::print("{}\n", ink.bold(printable(calibration_sentence(run, result))));
  if (!result.refuted.empty()) {
    fmt::print("{}\n", ink.bad(fmt::format("The tests refute it: {}.", result.refuted)));
  }
  fmt::print("{}{}\n", tests_text(result, ink), pairs_text(result, ink));
  for (const auto& note : notes) fmt::print("note: {}.\n", printable(note));
  for (const auto& note : result.notes) fmt::print("note: {}.\n", printable(note));
  fmt::print("Ranges are of 95 %, each over all values of the others{}.\n",
             result.assumed_error > 0
                 ? fmt::format("; tests that do not tell their error count with {:.0f} %",
                               100 * result.assumed_error)
                 : "");
  if (options.out.empty()) return 0;
  write_machine(options.out, result.machine);
  fmt::print("wrote {}; use it: wiretax-report decide --model {} --machine {}\n",
             printable(options.out.string()), printable(options.model),
             printable(options.out.string()));
  return 0;
}

}  // namespace

void add_calibrate(CLI::App& app, std::function<int()>& chosen) {
  const auto options = std::make_shared<CalibrateOptions>();
  auto& command = *app.add_subcommand(
      "calibrate", "fit a machine to runs that you have, for decide and explain");
  command.add_option("--model", options->model, "NAME[:quant] or config.json[:quant]")->required();
  command
      .add_option("--from", options->from,
                  "of one machine: 'tg128=10.1,pp512=930,c4=...', or files of llama-benchy or "
                  "llama-bench")
      ->required();
  command.add_option("--machine", options->machine, "where to start: NAME or FILE")
      ->capture_default_str();
  command.add_option("-o,--out", options->out, "write the machine to FILE (.json)");
  command.add_option("--context", options->context, "tokens of cache, where a test does not tell")
      ->check(CLI::Range(std::uint64_t{1}, kDeepestContext))
      ->capture_default_str();
  command
      .add_option("--tokens-per-step", options->tokens_per_step,
                  "of a sequence: above 1 with speculative decoding")
      ->capture_default_str();
  add_colour(command, options->colour);
  command.callback([options, &chosen] { chosen = [options] { return run_calibrate(*options); }; });
}

}  // namespace wiretax
