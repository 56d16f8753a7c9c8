#include "report/commands/page.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <stdexcept>

#include "report/commands/assumption_options.h"
#include "report/commands/commands.h"
#include "report/commands/compare_text.h"
#include "report/page/page.h"
#include "report/page/redaction.h"
#include "report/result_files.h"
#include "report/units.h"

namespace wiretax {
namespace {

struct PageOptions {
  Paths paths;
  DecideOptions decide;
  std::string contexts = "1024,8192";
  bool redact = false;
  std::filesystem::path out = "report.html";
};

/// The folder's own name, also of "." and of "results/".
std::string name_of_run(const std::filesystem::path& path) {
  std::error_code unknown;
  const auto whole = std::filesystem::weakly_canonical(path, unknown);
  return whole.has_filename() ? whole.filename().string() : whole.parent_path().filename().string();
}

/// What cannot be used is a sentence on the page; the others are shown all the same.
void read_files(const std::filesystem::path& path, PageRun& run) {
  std::vector<std::filesystem::path> files;
  try {
    files = result_paths(std::vector{path});
  } catch (const InputError& error) {
    run.missing.push_back(
        fmt::format("{}. Measure with ./scripts/run, or give the folder that it "
                    "named.",
                    error.what()));
  }
  for (const auto& file : files) {
    try {
      run.files.push_back(read_any_file(file));
    } catch (const InputError& error) {
      run.missing.push_back(fmt::format("{}; it is left out", error.what()));
    }
  }
}

/// Of a folder, or beside a file.
void read_doctor(const std::filesystem::path& path, PageRun& run) {
  std::error_code unknown;
  const bool folder = std::filesystem::is_directory(path, unknown);
  const auto file = (folder ? path : path.parent_path()) / "doctor.json";
  if (!std::filesystem::is_regular_file(file, unknown)) return;
  try {
    run.doctor = parse_doctor_findings(read_file_text(file), file);
  } catch (const InputError& error) {
    run.missing.push_back(fmt::format("{}; it is left out", error.what()));
  }
}

bool is_measured(const PageRun& run) {
  return std::ranges::any_of(run.files, [](const ResultFile& file) {
    return std::ranges::any_of(file.records, &Record::measured);
  });
}

PageRun read_run(const std::filesystem::path& path) {
  std::error_code unknown;
  if (!std::filesystem::exists(path, unknown)) {
    throw InputError(fmt::format("{}: there is no such folder or file", path.string()));
  }
  PageRun run = {
      .name = name_of_run(path), .files = {}, .doctor = {}, .decided = {}, .missing = {}};
  read_files(path, run);
  read_doctor(path, run);
  if (!run.files.empty() && !is_measured(run)) {
    run.missing.emplace_back(
        "Nothing was measured: every point was skipped or is invalid. The table of all points says "
        "why.");
  }
  return run;
}

std::string profile_of(const PageOptions& options) {
  return options.decide.published.empty() ? std::string(kDefaultProfile) : options.decide.published;
}

/// Decides with what was read, at every context. The published profile is always beside it.
void decide_run(const PageOptions& options, PageRun& run) {
  auto decide_options = options.decide;
  decide_options.published = profile_of(options);
  for (const auto context : parse_count_list(options.contexts)) {
    decide_options.context = context;
    try {
      auto request = decide_request(decide_options, run.files);
      auto decision = decide(request);
      run.decided.push_back({std::move(request), std::move(decision)});
    } catch (const InputError& error) {  // what was measured is shown all the same
      run.missing.push_back(fmt::format("No answer: {}", error.what()));
      return;
    }
  }
  const auto& request = run.decided.front().request;
  if (std::ranges::none_of(request.fabrics, &Fabric::decides)) {
    run.missing.push_back(fmt::format(
        "No answer: no network here is your engine's, and nobody has published figures of {} "
        "machines. Measure with GPUs: ./scripts/run --hosts.",
        request.ranks));
  }
  if (!request.unusable.empty()) {
    run.missing.push_back(fmt::format(
        "{} The published figures answer alone. To measure: ./scripts/run --only collectives, "
        "between machines with --hosts.",
        request.unusable));
  }
}

void compare_all(Page& page) {
  for (std::size_t i = 1; i < page.runs.size(); ++i) {
    auto comparison = compare_runs(page.runs.front().files, page.runs[i].files, {});
    auto sentence = comparison_sentence(comparison);
    page.comparisons.push_back({std::move(sentence), std::move(comparison)});
  }
}

int run_page(const PageOptions& options) {
  Page page = {.version = WIRETAX_VERSION,
               .runs = {},
               .comparisons = {},
               .published = {find_profile(profile_of(options))}};
  for (const auto& path : options.paths) {
    auto run = read_run(path);
    if (std::ranges::count(page.runs, run.name, &PageRun::name) > 0) {
      run.name += fmt::format(" ({})", page.runs.size() + 1);
    }
    page.runs.push_back(std::move(run));
  }
  for (auto& run : page.runs) decide_run(options, run);
  compare_all(page);
  Redaction redaction;
  for (const auto& run : page.runs) redaction.learn(run);
  write_file(options.out, page_html(page, options.redact ? &redaction : nullptr));
  bool whole = true;
  for (const auto& run : page.runs) {
    for (const auto& sentence : run.missing) {
      fmt::print(stderr, "note: {}\n", printable(sentence));
      whole = false;
    }
  }
  fmt::print("{}\n", options.out.string());
  return whole ? 0 : kUnusable;
}

}  // namespace

void add_page(CLI::App& app, std::function<int()>& chosen) {
  const auto options = std::make_shared<PageOptions>();
  auto& command = *app.add_subcommand("page", "a run, or several, as one HTML file to look at");
  command.add_option("RUN", options->paths, "a run's folder, or a result file; the first is A")
      ->required();
  command.add_option("-o,--out", options->out, "the file to write")->capture_default_str();
  command.add_flag("--redact", options->redact,
                   "without names of hosts and users, absolute folders and addresses");
  command
      .add_option("--model,--models", options->decide.models,
                  "NAME[:quant] or config.json[:quant], a list")
      ->delimiter(',');
  command.add_option("--batch", options->decide.batches, "sequences decoded together, a list")
      ->capture_default_str();
  command.add_option("--context", options->contexts, "tokens of context, a list")
      ->capture_default_str();
  add_assumptions(command, options->decide);
  command.add_option("--published", options->decide.published, "another profile than the usual");
  command.add_option("--ranks", options->decide.ranks, "machines")
      ->check(CLI::Range(std::uint64_t{2}, std::uint64_t{1024}))
      ->capture_default_str();
  command.footer(
      "Exit codes: 0 ok; 5 something could not be used, which the page says, or it could not be "
      "written.");
  command.callback([options, &chosen] { chosen = [options] { return run_page(*options); }; });
}

}  // namespace wiretax
