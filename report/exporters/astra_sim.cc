#include <fmt/format.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "report/exporters/exporter.h"
#include "report/exporters/link_fit.h"
#include "report/table.h"
#include "report/units.h"

namespace wiretax {
namespace {

constexpr std::array kWirings = {
    std::pair{Wiring::kFullyConnected, std::string_view("FullyConnected")},
    std::pair{Wiring::kRing, std::string_view("Ring")},
    std::pair{Wiring::kSwitch, std::string_view("Switch")},
};

std::string_view wiring_name(Wiring wiring) {
  for (const auto& [known, name] : kWirings) {
    if (known == wiring) return name;
  }
  return {};
}

ExportedFile file_of(const LinkFit& fit, std::string_view part, const Fabric& fabric, Wiring wiring,
                     const std::vector<std::string>& warnings) {
  constexpr double kNanoseconds = 1e9;
  // Through a switch it counts two hops.
  const double hops = wiring == Wiring::kSwitch ? 2 : 1;
  auto text = fmt::format(
      "# {}: {}\n# For all-reduce-implementation [ring] in one chunk; its endpoint-delay comes on "
      "top.\n",
      printable(fabric.name), fit_text(fit));
  for (const auto& warning : warnings) text += fmt::format("# {}\n", printable(warning));
  text += fmt::format(
      "topology: [ {} ]\nnpus_count: [ {} ]\nbandwidth: [ {:.4f} ]  # GiB/s, which ASTRA-sim calls "
      "GB/s\nlatency: [ {:.1f} ]  # ns\n",
      wiring_name(wiring), fabric.ranks, fit.link.bytes_per_s / real(kGibibyte),
      fit.link.latency_s / hops * kNanoseconds);
  return {std::string(part), std::move(text)};
}

}  // namespace

Wiring parse_wiring(std::string_view name) {
  for (const auto& [wiring, known] : kWirings) {
    if (known == name) return wiring;
  }
  throw std::invalid_argument(
      fmt::format("--wiring: '{}' is not FullyConnected, Ring or Switch", name));
}

Export export_astra_sim(const Fabric& fabric, Wiring wiring) {
  const auto fits = fit_links(fabric.all_reduce, fabric.ranks);
  Export result;
  result.warnings = fits.warnings;
  result.warnings.push_back(send_recv_warning(fabric.send_recv, fits.whole.link));
  for (const auto& note : fabric.notes) result.warnings.push_back(note);
  const auto warnings = result.warnings;
  result.files.push_back(file_of(fits.whole, "", fabric, wiring, warnings));
  if (!fits.small) return result;
  result.files.push_back(file_of(*fits.small, "small", fabric, wiring, warnings));
  result.files.push_back(file_of(*fits.large, "large", fabric, wiring, warnings));
  return result;
}

}  // namespace wiretax
