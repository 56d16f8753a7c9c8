#include <nlohmann/json.hpp>

#include "report/commands/scale_text.h"

namespace wiretax {
namespace {

using ScaleJson = nlohmann::ordered_json;

ScaleJson json_of(const ScaleRow& row) {
  auto times = ScaleJson::object();
  for (std::size_t i = 0; i < row.times.size(); ++i) {
    times[std::string(reduce_algorithms()[i].name)] = {{"time_s", row.times[i].time_s},
                                                       {"at_bound", row.times[i].at_bound}};
  }
  ScaleJson json = {{"ranks", row.ranks},
                    {"bytes", row.bytes},
                    {"extrapolated", !row.measured_s},
                    {"algorithms", times},
                    {"fastest", reduce_algorithms()[row.fastest].name},
                    {"fastest_within_1_percent", fastest_names(row)},
                    {"bound_s", row.least_s}};
  if (row.measured_s) json["measured_s"] = *row.measured_s;
  if (row.count > 0) json["count_in_a_step"] = row.count;
  return json;
}

std::string_view name_of(ReduceAlgorithm algorithm) {
  for (const auto& facts : reduce_algorithms()) {
    if (facts.algorithm == algorithm) return facts.name;
  }
  return {};
}

ScaleJson json_of(const ScaleMiss& miss) {
  return {{"ranks", miss.ranks},
          {"algorithm", name_of(miss.algorithm)},
          {"bytes", miss.bytes},
          {"formula_s", miss.carried_s},
          {"measured_s", miss.measured_s}};
}

ScaleJson formulas() {
  auto list = ScaleJson::array();
  for (const auto& facts : reduce_algorithms()) {
    list.push_back(
        {{"algorithm", facts.name}, {"formula", facts.formula}, {"source", facts.source}});
  }
  return list;
}

}  // namespace

std::string scale_json(const MeasuredSteps& measured, std::span<const ScaleRow> rows) {
  ScaleJson json = {{"schema", 1},
                    {"fabric", measured.fabric},
                    {"pair", measured.pair_from},
                    {"agrees_with_ranks", measured.most_ranks()},
                    {"bytes_per_s", measured.bytes_per_s},
                    {"bytes_per_s_from", measured.bytes_per_s_from},
                    {"formulas", formulas()},
                    {"rows", ScaleJson::array()},
                    {"misses", ScaleJson::array()},
                    {"notes", measured.notes}};
  for (const auto& row : rows) json["rows"].push_back(json_of(row));
  for (const auto& miss : scale_misses(measured)) json["misses"].push_back(json_of(miss));
  return json.dump(2, ' ', false, ScaleJson::error_handler_t::replace) + "\n";
}

}  // namespace wiretax
