#include "report/decide.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <set>
#include <stdexcept>

#include "report/catalogue.h"
#include "report/commands/commands.h"
#include "report/units.h"

namespace wiretax {
namespace {

constexpr std::string_view kDefaultProfile = "dgx-spark-roce";

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
  auto machine = find_machine(options.machine);
  if (!options.efficiency.empty()) {
    machine.efficiency = band_option(options.efficiency, "--eta", 1);
  }
  if (!options.fixed_ms.empty()) {
    const auto band = band_option(options.fixed_ms, "--fixed-ms", kMostFixedMs);
    machine.fixed_s = {band.low * kMillisecond, band.mid * kMillisecond, band.high * kMillisecond};
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
void add_fabrics(const DecideOptions& options, Request& request) {
  auto measured = fabrics_of(read_results(options.paths), options.ranks);
  request.fabrics = std::move(measured.usable);
  request.notes = std::move(measured.notes);
  const bool decides = std::ranges::any_of(request.fabrics, &Fabric::decides);
  if (!decides || !options.published.empty()) {
    const auto name =
        options.published.empty() ? kDefaultProfile : std::string_view(options.published);
    const std::vector<ResultFile> profile = {find_profile(name)};
    auto published = fabrics_of(profile, options.ranks);
    for (auto& fabric : published.usable) request.fabrics.push_back(std::move(fabric));
    for (auto& note : published.notes) request.notes.push_back(std::move(note));
  }
  if (request.fabrics.empty()) {
    throw InputError(
        fmt::format("there is no all_reduce of {} ranks to decide with; measure it with "
                    "wiretax-collectives, or see wiretax-report profiles",
                    options.ranks));
  }
  std::ranges::stable_sort(request.fabrics, std::greater<>(), &Fabric::decides);
}

Request request_of(const DecideOptions& options) {
  Request request;
  for (const auto& name : options.models) request.models.push_back(find_model(name));
  request.batches = parse_count_list(options.batches);
  request.context = options.context;
  request.ranks = options.ranks;
  request.machine = machine_of(options);
  if (!options.gamma.empty()) request.gamma = band_option(options.gamma, "--gamma", 1);
  add_fabrics(options, request);
  return request;
}

const Fabric& fabric_of(const Request& request, std::string_view name) {
  return *std::ranges::find(request.fabrics, name, &Fabric::name);
}

void print_answers(const Decision& decision, const Ink& ink) {
  std::set<std::string> printed;  // a fabric that cannot decide says so once
  for (const auto& answer : decision.answers) {
    if (!printed.insert(answer.sentence).second) continue;
    const auto colon = answer.sentence.find(": ");
    const bool decided = !answer.winner.empty() && colon != std::string::npos;
    const auto text = printable(answer.sentence);
    fmt::print("{}\n", decided ? ink.bold(text.substr(0, colon)) + text.substr(colon) : text);
  }
}

std::string milliseconds(double seconds) { return fmt::format("{:.2f}", seconds / kMillisecond); }

std::string microseconds(double seconds) { return fmt::format("{:.1f}", seconds / kMicrosecond); }

void add_row(const Row& row, const Fabric& fabric, Table& table) {
  const auto model = fmt::format("{}:{}", row.model, row.quant);
  std::vector<std::string> cells = {
      printable(model), fmt::format("{}", row.batch),
      fmt::format("{}{}", printable(row.fabric), fabric.decides() ? "" : " (cannot decide)"),
      row.strategy};
  if (!row.fits) {
    cells.push_back(row.reason);
    table.add(std::move(cells));
    return;
  }
  const auto& parts = row.parts;
  for (auto cell :
       {format_figures(row.tokens_per_s.mid),
        fmt::format("{} to {}", format_figures(row.tokens_per_s.low),
                    format_figures(row.tokens_per_s.high)),
        milliseconds(row.step_s.mid), milliseconds(parts.weights_s + parts.kv_s),
        milliseconds(parts.wire_s), milliseconds(parts.compute_s), milliseconds(parts.fixed_s),
        fmt::format("{:.1f}", 100 * parts.wire_s / parts.total())}) {
    cells.push_back(std::move(cell));
  }
  const auto& all_reduce = row.all_reduce;
  cells.push_back(all_reduce ? microseconds(all_reduce->time_s.mid) : "");
  cells.push_back(all_reduce ? microseconds(all_reduce->break_even_s) : "");
  table.add(std::move(cells));
}

void print_rows(const Request& request, const Decision& decision, const Ink& ink) {
  using enum Table::Align;
  Table table({{"model", kLeft},
               {"batch"},
               {"fabric", kLeft},
               {"strategy", kLeft},
               {"tokens/s"},
               {"range"},
               {"step"},
               {"read"},
               {"wire"},
               {"compute"},
               {"fixed"},
               {"wire %"},
               {"AR us"},
               {"AR* us"}});
  for (const auto& row : decision.rows) {
    const auto& fabric = fabric_of(request, row.fabric);
    // What no fabric changes need not be said once for each.
    if (fabric.decides() || row.parts.wire_s > 0) add_row(row, fabric, table);
  }
  fmt::print("\n{}", table.text(ink));
}

void print_assumptions(const Request& request, const Decision& decision) {
  const auto& machine = request.machine;
  const auto gibibytes = [](double bytes) { return bytes / static_cast<double>(kGibibyte); };
  const auto& efficiency = machine.efficiency;
  const auto& fixed = machine.fixed_s;
  fmt::print(
      "\nstep, read (weights and KV), wire, compute (beyond reading), fixed: ms, at the middle of "
      "the "
      "assumptions;\nrange: tokens/s over all assumptions; AR: one all-reduce; AR*: how long it "
      "could "
      "take before\none machine (fitting or not) is as fast.\n");
  fmt::print(
      "assumptions: {} of {} with {:.1f} GiB usable, of which {:.1f} kept free, {:.0f} GB/s "
      "and {:.0f} TFLOP/s{};\n  memory efficiency {:.2f} ({:.2f} to {:.2f}); fixed cost {:.3g} ms "
      "({:.3g} to {:.3g}); gamma {:.2g} ({:.2g} to {:.2g});\n  {} tokens of context; a measured "
      "curve within its 95 % interval, a published one x1 to x1.5;\n  strategies compared at equal "
      "assumptions.\n",
      request.ranks, machine.name, gibibytes(machine.memory_bytes),
      gibibytes(machine.reserve_bytes), machine.memory_bytes_per_s / kGigabyte,
      machine.compute_flops_per_s / 1e12, machine.compute_verified ? "" : " (unverified)",
      efficiency.mid, efficiency.low, efficiency.high, fixed.mid / kMillisecond,
      fixed.low / kMillisecond, fixed.high / kMillisecond, request.gamma.mid, request.gamma.low,
      request.gamma.high, request.context);
  for (const auto& note : decision.notes) fmt::print("note: {}\n", printable(note));
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream stream(path, std::ios::binary);
  stream << text;
  if (!stream.flush()) throw InputError(fmt::format("{}: cannot be written", path.string()));
}

}  // namespace

int run_decide(const DecideOptions& options) {
  const auto request = request_of(options);
  const auto decision = decide(request);
  const auto json = decision_json(request, decision);
  if (!options.out.empty()) write_file(options.out, json);
  if (options.json) {
    fmt::print("{}", json);
    return 0;
  }
  const Ink ink(options.colour);
  print_answers(decision, ink);
  print_rows(request, decision, ink);
  print_assumptions(request, decision);
  return 0;
}

}  // namespace wiretax
