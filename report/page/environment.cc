#include "report/page/environment.h"

#include <fmt/format.h>

#include <map>
#include <set>

namespace wiretax {
namespace {

/// What is told elsewhere on the page, or says nothing to anybody.
bool is_told_elsewhere(std::string_view key) {
  static const std::set<std::string, std::less<>> kTold = {
      "caches",         "library_build_type", "wiretax_fabric", "wiretax_fabric_kind",
      "wiretax_schema", "clock_cost_ns",      "clock_tick_ns",  "cpu_scaling_enabled",
      "mhz_per_cpu",    "num_cpus",           "executable",     "load_avg"};
  return kTold.contains(key);
}

}  // namespace

Table environment_table(const PageRun& run) {
  using enum Table::Align;
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> told;
  for (const auto& file : run.files) {
    for (const auto& [key, value] : file.context) {
      if (value.empty() || is_told_elsewhere(key)) continue;
      told[{key, value}].push_back(file.path.filename().string());
    }
  }
  Table table({{"what", kLeft}, {"value", kLeft}, {"files", kLeft}});
  for (const auto& [line, files] : told) {
    std::string names;
    for (const auto& name : files) names += (names.empty() ? "" : ", ") + name;
    table.add({line.first, line.second, files.size() == run.files.size() ? "all" : names});
  }
  return table;
}

}  // namespace wiretax
