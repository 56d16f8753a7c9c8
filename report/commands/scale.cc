#include "report/commands/scale.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <stdexcept>

#include "report/catalogue.h"
#include "report/commands/colour_option.h"
#include "report/commands/commands.h"
#include "report/commands/scale_text.h"
#include "report/fabric.h"
#include "report/traffic.h"
#include "report/units.h"

namespace wiretax {
namespace {

constexpr std::uint64_t kMostRanksOnPaper = 4096;
constexpr std::size_t kMostRowsOnPaper = 10'000;

struct ScaleOptions {
  Paths paths;
  std::string published;
  std::string fabric;
  std::string ranks = "4,8,16,32,64,128,256,512,1024,2048,4096";
  std::string bytes = "8Ki,64Ki,1Mi,32Mi";
  std::string model;
  std::string batches = "1,8";
  bool json = false;
  Colour colour = Colour::kAuto;
};

std::vector<ResultFile> measurements_of(const ScaleOptions& options) {
  auto files = read_results(options.paths);
  if (!options.published.empty()) files.push_back(find_profile(options.published));
  if (files.empty()) throw std::invalid_argument("scale takes result files, or --published NAME");
  return files;
}

std::vector<std::uint64_t> ranks_of(const ScaleOptions& options) {
  auto ranks = parse_count_list(options.ranks);
  if (ranks.front() < 2 || ranks.back() > kMostRanksOnPaper) {
    throw std::invalid_argument(fmt::format("--ranks: from 2 to {}", kMostRanksOnPaper));
  }
  return ranks;
}

/// Sizes of all_reduces, and how many of them a decode step has: 0 without a model. Neither hangs
/// on the number of ranks.
std::map<std::uint64_t, std::uint64_t> sizes_of(const ScaleOptions& options) {
  std::map<std::uint64_t, std::uint64_t> sizes;
  if (options.model.empty()) {
    for (const auto bytes : parse_byte_list(options.bytes)) sizes[bytes] = 0;
    return sizes;
  }
  const auto model = find_model(options.model);
  for (const auto batch : parse_count_list(options.batches)) {
    std::map<std::uint64_t, std::uint64_t> of_batch;
    for (const auto& message : tensor_parallel_messages(model, 2, batch)) {
      if (message.operation == "all_reduce") of_batch[message.bytes] += message.count;
    }
    sizes.merge(of_batch);
  }
  return sizes;
}

int run_scale(const ScaleOptions& options) {
  const auto ranks = ranks_of(options);
  const auto sizes = sizes_of(options);
  if (ranks.size() * sizes.size() > kMostRowsOnPaper) {
    throw std::invalid_argument(fmt::format("more than {} rows", kMostRowsOnPaper));
  }
  const auto measured = measured_steps(measurements_of(options), options.fabric);
  std::vector<ScaleRow> rows;
  for (const auto& [bytes, count] : sizes) {
    for (const auto of : ranks) rows.push_back(scale_row(measured, of, bytes, count));
  }
  fmt::print("{}", options.json ? scale_json(measured, rows)
                                : scale_text(measured, rows, Ink(options.colour)));
  return 0;
}

}  // namespace

void add_scale(CLI::App& app, std::function<int()>& chosen) {
  const auto options = std::make_shared<ScaleOptions>();
  auto& command = *app.add_subcommand("scale", "an all_reduce of up to 4,096 machines, on paper");
  command.add_option("FILE", options->paths, "result files, or folders of them");
  command.add_option("--published", options->published, "a published profile");
  command.add_option("--fabric", options->fabric, "which, where there are several");
  command.add_option("--ranks", options->ranks, "machines, a list")->capture_default_str();
  auto* const bytes =
      command.add_option("--bytes", options->bytes, "sizes, a list")->capture_default_str();
  auto* const model = command.add_option(
      "--model", options->model, "the sizes of a model's decode steps: NAME or config.json");
  command.add_option("--batch", options->batches, "of these batches, a list")
      ->needs(model)
      ->capture_default_str();
  model->excludes(bytes);
  command.add_flag("--json", options->json, "JSON instead of text");
  add_colour(command, options->colour);
  command.callback([options, &chosen] { chosen = [options] { return run_scale(*options); }; });
}

}  // namespace wiretax
