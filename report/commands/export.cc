#include "report/commands/export.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <memory>
#include <stdexcept>

#include "report/commands/commands.h"
#include "report/config_fields.h"
#include "report/exporters/exporter.h"
#include "report/fabric.h"
#include "report/table.h"

namespace wiretax {
namespace {

struct ExportOptions {
  std::string format;
  Paths paths;
  std::string published;
  std::string fabric;
  std::uint64_t ranks = 2;
  std::string wiring;
  std::filesystem::path into;
  std::uint64_t dimension = 0;
  std::filesystem::path out;
};

std::vector<ResultFile> files_of(const ExportOptions& options) {
  auto files = read_results(options.paths);
  if (!options.published.empty()) files.push_back(find_profile(options.published));
  if (files.empty()) throw std::invalid_argument("export takes result files, or --published NAME");
  return files;
}

/// The one fabric that there is, or that was asked for.
Fabric one_fabric(const ExportOptions& options) {
  auto fabrics = fabrics_of(files_of(options), options.ranks);
  if (fabrics.usable.empty()) {
    throw InputError(fmt::format("nothing to export: {}", fmt::join(fabrics.notes, "; ")));
  }
  std::vector<std::string> names;
  for (auto& fabric : fabrics.usable) {
    if (fabric.name == options.fabric) return std::move(fabric);
    names.push_back(fabric.name);
  }
  if (!options.fabric.empty() || names.size() > 1) {
    throw std::invalid_argument(fmt::format("--fabric takes one of: {}", fmt::join(names, ", ")));
  }
  return std::move(fabrics.usable.front());
}

Wiring wiring_of(const ExportOptions& options) {
  if (!options.wiring.empty()) return parse_wiring(options.wiring);
  if (options.ranks == 2) return Wiring::kFullyConnected;
  throw std::invalid_argument(fmt::format(
      "a result file does not say how {} machines are wired: --wiring FullyConnected, Ring or "
      "Switch",
      options.ranks));
}

std::string cluster_of(const ExportOptions& options) {
  return options.into.empty() ? "" : read_small_file(options.into);
}

Export export_of(const ExportOptions& options) {
  if (options.format == "llmservingsim") {
    const auto text = cluster_of(options);
    const auto origin = options.into.string();
    return export_llmservingsim(one_fabric(options),
                                {.text = text, .origin = origin, .dimension = options.dimension});
  }
  if (options.format == "astra-sim") {
    return export_astra_sim(one_fabric(options), wiring_of(options));
  }
  if (options.format == "openmetrics") return export_openmetrics(files_of(options));
  if (options.format == "csv") return export_csv(files_of(options));
  throw std::invalid_argument(
      fmt::format("'{}' is not llmservingsim, astra-sim, openmetrics or csv", options.format));
}

/// "link.yml" to "link-small.yml".
std::filesystem::path path_of_part(const std::filesystem::path& out, std::string_view part) {
  if (part.empty()) return out;
  auto path = out;
  return path.replace_filename(
      fmt::format("{}-{}{}", out.stem().string(), part, out.extension().string()));
}

void write_part(const std::filesystem::path& path, const std::string& text) {
  std::ofstream stream(path, std::ios::binary);
  stream << text;
  if (!stream.flush()) throw InputError(fmt::format("{}: cannot be written", path.string()));
  fmt::print(stderr, "{}\n", printable(path.string()));
}

int run_export(const ExportOptions& options) {
  auto result = export_of(options);
  if (result.files.size() > 1) {
    result.warnings.push_back(
        fmt::format("one line misses: {} lines of their own for small and for large sizes",
                    options.out.empty() ? "-o FILE also writes" : "beside it are"));
  }
  for (const auto& warning : result.warnings) {
    fmt::print(stderr, "warning: {}\n", printable(warning));
  }
  if (options.out.empty()) {
    fmt::print("{}", result.files.front().text);
    return 0;
  }
  for (const auto& file : result.files) write_part(path_of_part(options.out, file.part), file.text);
  return 0;
}

}  // namespace

void add_export(CLI::App& app, std::function<int()>& chosen) {
  const auto options = std::make_shared<ExportOptions>();
  auto& command = *app.add_subcommand("export", "results for simulators, monitoring and tables");
  command.add_option("FORMAT", options->format, "llmservingsim, astra-sim, openmetrics or csv")
      ->required();
  command.add_option("FILE", options->paths, "result files, or folders of them");
  command.add_option("--published", options->published, "a published profile");
  command.add_option("--fabric", options->fabric, "simulators: which, where there are several");
  command.add_option("--ranks", options->ranks, "simulators: machines")
      ->check(CLI::Range(std::uint64_t{2}, std::uint64_t{4096}))
      ->capture_default_str();
  command.add_option("--wiring", options->wiring,
                     "astra-sim: FullyConnected, Ring or Switch; two machines are fully connected");
  auto* const into = command.add_option(
      "--into", options->into,
      "llmservingsim: your cluster configuration, which gets the link's figures");
  command
      .add_option("--dimension", options->dimension,
                  "llmservingsim: which of its links, where it lists several, from 1 on")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{16}))
      ->needs(into);
  command.add_option("-o,--out", options->out, "write FILE, and FILE-small, FILE-large");
  command.callback([options, &chosen] { chosen = [options] { return run_export(*options); }; });
}

}  // namespace wiretax
