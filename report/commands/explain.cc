#include "report/explain/explain.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <iterator>
#include <memory>
#include <stdexcept>

#include "report/commands/colour_option.h"
#include "report/commands/commands.h"
#include "report/commands/explanation_text.h"

namespace wiretax {
namespace {

constexpr std::uint64_t kMostContext = 100'000'000;
constexpr std::uint64_t kMostDrafts = 64;

struct ExplainOptions {
  Paths paths;
  std::string model;
  std::string strategy = "tp2";
  std::string observed;
  std::string baseline;
  std::string machine = "dgx-spark";
  std::string example;
  std::uint64_t context = 1024;
  double tokens_per_step = 1;
  std::uint64_t drafts = 0;
  bool list_examples = false;
  bool json = false;
  Colour colour = Colour::kAuto;
};

/// Typed in, or a file of llama-benchy or llama-bench; what that says beside them goes to the
/// claim's notes.
std::vector<Observation> observations_of(const std::string& text, std::string_view option,
                                         Claim& claim) {
  const std::filesystem::path path(text);
  std::error_code error;
  if (std::filesystem::is_regular_file(path, error)) {
    auto found = read_observation_file(path);
    claim.notes.push_back(fmt::format("{}: {} calls the model '{}'; taken as {}", option,
                                      found.tool, found.model, claim.model.name));
    for (const auto& note : found.notes) {
      claim.notes.push_back(fmt::format("{}: {}", option, note));
    }
    return std::move(found.rows);
  }
  try {
    return parse_observations(text);
  } catch (const std::invalid_argument& wrong) {
    throw std::invalid_argument(fmt::format("{}: {}", option, wrong.what()));
  }
}

/// All but what explain may offer to change.
Typed typed_by(const ExplainOptions& options) {
  const ExplainOptions defaults;
  Typed typed{options.model, options.observed, {}};
  const auto add = [&](const char* option, const std::string& value, bool chosen) {
    if (!chosen) return;
    typed.others.emplace_back(option);
    typed.others.push_back(value);
  };
  add("--baseline", options.baseline, !options.baseline.empty());
  add("--machine", options.machine, options.machine != defaults.machine);
  add("--context", fmt::format("{}", options.context), options.context != defaults.context);
  for (const auto& path : options.paths) typed.others.push_back(path.string());
  return typed;
}

void read_speculation(const ExplainOptions& options, Claim& claim) {
  if (!std::isfinite(options.tokens_per_step) || options.tokens_per_step < 1 ||
      options.tokens_per_step > static_cast<double>(kMostDrafts + 1)) {
    throw std::invalid_argument(fmt::format("--tokens-per-step: {} is not from 1 to {}",
                                            options.tokens_per_step, kMostDrafts + 1));
  }
  const auto least = static_cast<std::uint64_t>(std::ceil(options.tokens_per_step - 1));
  if (options.drafts != 0 && options.drafts < least) {
    throw std::invalid_argument(fmt::format("--drafts: {} drafts do not make {} tokens a step",
                                            options.drafts, options.tokens_per_step));
  }
  claim.tokens_per_step = options.tokens_per_step;
  claim.drafts = options.drafts == 0 ? least : options.drafts;
}

Claim claim_of(const ExplainOptions& options) {
  if (options.model.empty() || options.observed.empty()) {
    throw std::invalid_argument(
        "explain takes --model and --observed, as in --model Qwen3.6-27B-FP8 --observed "
        "c1=8.1,pp512=601, or --example NAME");
  }
  Claim claim;
  claim.model = find_model(options.model);
  claim.machine = find_machine(options.machine);
  claim.gamma = gamma_of(claim.machine);
  const auto strategy = parse_layout(options.strategy);
  claim.layout = strategy.layout;
  claim.ranks = strategy.ranks;
  claim.observed = observations_of(options.observed, "--observed", claim);
  if (!options.baseline.empty()) {
    claim.baseline = observations_of(options.baseline, "--baseline", claim);
  }
  claim.context = options.context;
  claim.typed = typed_by(options);
  read_speculation(options, claim);
  return claim;
}

/// The published ones first, then what the files have, and why they have no more.
Fabrics fabrics_for(std::span<const ResultFile> results, std::uint64_t ranks) {
  Fabrics fabrics;
  if (ranks < 2) return fabrics;
  for (const auto& name : profile_names()) {
    const std::vector<ResultFile> profile = {find_profile(name)};
    std::ranges::move(fabrics_of(profile, ranks).usable, std::back_inserter(fabrics.usable));
  }
  auto measured = fabrics_of(results, ranks);
  std::ranges::move(measured.usable, std::back_inserter(fabrics.usable));
  fabrics.notes = std::move(measured.notes);
  for (const auto& fabric : fabrics.usable) {
    for (const auto& note : fabric.notes) {
      fabrics.notes.push_back(fmt::format("{}: {}", fabric.name, note));
    }
  }
  return fabrics;
}

void list_examples() {
  for (const auto& name : example_names()) {
    fmt::print("{:<16}  {}\n", name, find_example(name).title);
  }
}

void print_all(const ExplainOptions& options, const Example& example,
               std::span<const Explanation> explanations) {
  const auto contradictions = conflicts(explanations);
  if (options.json) {
    fmt::print("{}", explanation_json(explanations, contradictions, example.statements));
    return;
  }
  const Ink ink(options.colour);
  if (!example.name.empty()) {
    fmt::print("{}\nFrom {}.\n\n", ink.bold(example.title), example.source);
  }
  for (const auto& contradiction : contradictions) fmt::print("{}.\n\n", contradiction);
  for (const auto& statement : example.statements) fmt::print("- {}\n", printable(statement));
  for (const auto& explanation : explanations) {
    if (&explanation != explanations.data()) fmt::print("\n");
    fmt::print("{}", explanation_text(explanation, ink));
  }
}

int run_explain(const ExplainOptions& options) {
  if (options.list_examples) {
    list_examples();
    return 0;
  }
  Example example;
  if (!options.example.empty() && !(options.model + options.observed + options.baseline).empty()) {
    throw std::invalid_argument(
        "--example brings its own model and tests: leave out --model, --observed and --baseline");
  }
  if (options.example.empty()) {
    example.claims.push_back(claim_of(options));
  } else {
    example = find_example(options.example);
  }
  const auto results = read_results(options.paths);
  std::vector<Explanation> explanations;
  explanations.reserve(example.claims.size());
  for (const auto& claim : example.claims) {
    const auto fabrics = fabrics_for(results, claim.ranks);
    explanations.push_back(explain(claim, fabrics.usable));
    for (const auto& note : fabrics.notes) explanations.back().note(note);
  }
  print_all(options, example, explanations);
  return 0;
}

}  // namespace

void add_explain(CLI::App& app, std::function<int()>& chosen) {
  const auto options = std::make_shared<ExplainOptions>();
  auto& command = *app.add_subcommand(
      "explain", "why somebody's tokens per second are what they are: possible? which wire?");
  command.add_option("paths", options->paths, "result files to compare the wire with, or folders");
  command.add_option("--model", options->model, "NAME[:quant] or config.json[:quant]");
  command.add_option("--strategy", options->strategy, "tp1, tp2, pp2, replicas2, tp2pp2")
      ->capture_default_str();
  command.add_option(
      "--observed", options->observed,
      "tokens/s, as in 'c1=8.1,tg128@d4096=6.9,pp512=601', or a file of llama-benchy "
      "or llama-bench");
  command.add_option("--baseline", options->baseline, "likewise, of one machine");
  command.add_option("--machine", options->machine, "NAME or FILE")->capture_default_str();
  command.add_option("--context", options->context, "tokens of cache, where a test does not tell")
      ->check(CLI::Range(std::uint64_t{1}, kMostContext))
      ->capture_default_str();
  command
      .add_option("--tokens-per-step", options->tokens_per_step,
                  "of a sequence: above 1 with speculative decoding")
      ->capture_default_str();
  command.add_option("--drafts", options->drafts, "tokens guessed for each sequence before a step")
      ->check(CLI::Range(std::uint64_t{1}, kMostDrafts));
  command.add_option("--example", options->example, "published numbers that come with the program");
  command.add_flag("--list-examples", options->list_examples, "name them");
  command.add_flag("--json", options->json, "JSON instead of text");
  add_colour(command, options->colour);
  command.callback([options, &chosen] { chosen = [options] { return run_explain(*options); }; });
}

}  // namespace wiretax
