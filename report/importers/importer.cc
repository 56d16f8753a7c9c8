#include "report/importers/importer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "report/catalogue.h"
#include "report/importers/iperf3.h"
#include "report/importers/nccl_tests.h"
#include "report/importers/osu.h"
#include "report/importers/perftest.h"

namespace wiretax {
namespace {

constexpr std::array kImporters = {
    Importer{"nccl-tests", "text, and JSON of -J", is_nccl_tests, import_nccl_tests},
    Importer{"perftest", "text, and JSON of --out_json", is_perftest, import_perftest},
    Importer{"iperf3", "JSON of -J or --json-stream", is_iperf3, import_iperf3},
    Importer{"osu", "text of the OSU micro-benchmarks", is_osu, import_osu},
};

std::vector<std::string> importer_names() {
  std::vector<std::string> names;
  names.reserve(kImporters.size());
  for (const auto& importer : kImporters) names.emplace_back(importer.name);
  return names;
}

}  // namespace

std::span<const Importer> importers() { return kImporters; }

const Importer& find_importer(std::string_view name) {
  const auto* const found = std::ranges::find(kImporters, name, &Importer::name);
  if (found == kImporters.end()) {
    throw UnknownName(unknown_name_text("format", name, importer_names()));
  }
  return *found;
}

const Importer* recognise(const ForeignText& source) {
  const Importer* found = nullptr;
  for (const auto& importer : kImporters) {
    if (!importer.recognises(source.text)) continue;
    if (found != nullptr) {
      throw InputError(
          fmt::format("{}: looks like output of {} and of {}: wiretax-report import --format NAME "
                      "reads the one that you name",
                      source.path.string(), found->name, importer.name));
    }
    found = &importer;
  }
  return found;
}

ResultFile import_text(const ForeignText& source, std::string_view format) {
  if (!format.empty()) return find_importer(format).read(source);
  const auto* const importer = recognise(source);
  if (importer == nullptr) {
    throw InputError(fmt::format("{}: not the output of a tool that is known ({})",
                                 source.path.string(), fmt::join(importer_names(), ", ")));
  }
  return importer->read(source);
}

}  // namespace wiretax
