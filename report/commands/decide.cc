#include "report/decide.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <stdexcept>

#include "report/aftermath.h"
#include "report/catalogue.h"
#include "report/commands/commands.h"
#include "report/commands/decision_text.h"
#include "report/commands/workload_options.h"
#include "report/memory_read.h"
#include "report/units.h"
#include "report/wire.h"

namespace wiretax {
namespace {

constexpr std::uint64_t kUsualContext = 1024;

/// One value stands for itself: what was calibrated is no longer a range.
Band band_option(const std::vector<double>& values, std::string_view option, double largest) {
  const bool three = values.size() == 3;
  if (!three && values.size() != 1) {
    throw std::invalid_argument(fmt::format("{} takes one value, or low,mid,high", option));
  }
  const Band band =
      three ? Band{values[0], values[1], values[2]} : Band{values[0], values[0], values[0]};
  const bool in_order = band.low > 0 && band.low <= band.mid && band.mid <= band.high;
  if (!in_order || !std::isfinite(band.high) || band.high > largest) {
    throw std::invalid_argument(
        fmt::format("{}: above 0 and at most {}, in the order low,mid,high", option, largest));
  }
  return band;
}

Machine machine_of(const DecideOptions& options) {
  constexpr double kMostFixedMs = 1e6;
  constexpr double kMostPrefillTflops = 1e6;
  auto machine = find_machine(options.machine);
  if (!options.efficiency.empty()) {
    machine.efficiency = band_option(options.efficiency, "--eta", 1);
  }
  if (!options.fixed_ms.empty()) {
    const auto band = band_option(options.fixed_ms, "--fixed-ms", kMostFixedMs);
    machine.fixed_s = {band.low * kMillisecond, band.mid * kMillisecond, band.high * kMillisecond};
  }
  if (!options.prefill_tflops.empty()) {
    const auto band = band_option(options.prefill_tflops, "--prefill-tflops", kMostPrefillTflops);
    machine.prefill_flops_per_s =
        Band{band.low * kTeraflop, band.mid * kTeraflop, band.high * kTeraflop};
  }
  if (options.memory_gib)
    machine.memory_bytes = *options.memory_gib * static_cast<double>(kGibibyte);
  if (options.bandwidth_GBps) machine.memory_bytes_per_s = *options.bandwidth_GBps * kGigabyte;
  if (machine.memory_bytes <= machine.reserve_bytes) {
    throw std::invalid_argument(
        fmt::format("--memory-gib: nothing is left of it beside the reserve of {:.1f} GiB",
                    machine.reserve_bytes / static_cast<double>(kGibibyte)));
  }
  return machine;
}

/// The published profile joins where it was asked for, and where nothing measured can decide.
void add_fabrics(const DecideOptions& options, std::span<const ResultFile> results,
                 Request& request) {
  auto measured = fabrics_of(results, options.ranks);
  request.fabrics = std::move(measured.usable);
  request.notes = std::move(measured.notes);
  if (!results.empty() && request.fabrics.empty()) {
    request.unusable = fmt::format("Nothing in the given files can be decided with: {}.",
                                   fmt::join(request.notes, "; "));
    request.notes.clear();
  }
  const bool decides = std::ranges::any_of(request.fabrics, &Fabric::decides);
  if (!decides || !options.published.empty()) {
    const auto name =
        options.published.empty() ? kDefaultProfile : std::string_view(options.published);
    const std::vector<ResultFile> profile = {find_profile(name)};
    auto published = fabrics_of(profile, options.ranks);
    for (auto& fabric : published.usable) {
      // The profile may be among the files.
      const bool known = std::ranges::count(request.fabrics, fabric.name, &Fabric::name) > 0;
      if (!known) request.fabrics.push_back(std::move(fabric));
    }
    for (auto& note : published.notes) request.notes.push_back(std::move(note));
  }
  // Who calibrated it knows better.
  if (options.efficiency.empty()) {
    if (auto note = limit_efficiency(results, request.machine); !note.empty()) {
      request.notes.push_back(std::move(note));
    }
  }
  if (request.fabrics.empty()) {
    throw InputError(
        fmt::format("there is no all_reduce of {} ranks to decide with; measure it with "
                    "wiretax-collectives, or see wiretax-report profiles",
                    options.ranks));
  }
  std::ranges::stable_sort(request.fabrics, std::greater<>(), &Fabric::decides);
}

}  // namespace

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream stream(path, std::ios::binary);
  stream << text;
  if (!stream.flush()) throw InputError(fmt::format("{}: cannot be written", path.string()));
}

Request decide_request(const DecideOptions& options, std::span<const ResultFile> results) {
  Request request;
  for (const auto& name : options.models) request.models.push_back(find_model(name));
  request.batches = parse_count_list(options.batches);
  request.context = options.context == 0 ? kUsualContext : options.context;
  request.ranks = options.ranks;
  request.machine = machine_of(options);
  if (request.machine.gamma) request.gamma = *request.machine.gamma;
  if (!options.gamma.empty()) request.gamma = band_option(options.gamma, "--gamma", 1);
  add_fabrics(options, results, request);
  read_workload(options, request);
  return request;
}

int run_decide(const DecideOptions& options) {
  const auto results = read_results(options.paths);
  const auto request = decide_request(options, results);
  const auto decision = decide(request);
  const auto json = decision_json(request, decision);
  if (!options.out.empty()) write_file(options.out, json);
  if (options.json) {
    fmt::print("{}", json);
    return 0;
  }
  const Ink ink(options.colour);
  for (const auto& text : {aftermath_text(results, ink), wire_text(results, ink)}) {
    if (!text.empty()) fmt::print("{}\n", text);
  }
  print_decision(request, decision, options.detail, ink);
  return 0;
}

}  // namespace wiretax
