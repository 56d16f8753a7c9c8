#include <nlohmann/json.hpp>

#include "report/commands/compare_text.h"

namespace wiretax {
namespace {

using CompareJson = nlohmann::ordered_json;

CompareJson json_of(const Estimate& time) {
  return {{"mean_s", time.mean}, {"low_s", time.interval.low}, {"high_s", time.interval.high}};
}

CompareJson json_of(const ComparedPoint& point) {
  CompareJson ratio = {{"mid", point.ratio}};
  if (point.has_intervals) {
    ratio["low"] = point.interval.low;
    ratio["high"] = point.interval.high;
  }
  return {{"fabric", point.fabric},
          {"name", point.name},
          {"verdict", change_name(point.change)},
          {"ratio", ratio},
          {"a", json_of(point.a)},
          {"b", json_of(point.b)},
          {"slower_in_the_middle", point.beyond_in_middle},
          {"reasons", point.reasons}};
}

CompareJson json_of(const LonePoint& point) {
  CompareJson json = {{"fabric", point.fabric}, {"name", point.name}};
  if (!point.reason.empty()) json["reason"] = point.reason;
  return json;
}

CompareJson json_of(const Difference& difference) {
  return {{"what", difference.what},
          {"a", difference.a},
          {"b", difference.b},
          {"forbids", difference.forbids}};
}

template <typename Thing>
CompareJson list_of(const std::vector<Thing>& things) {
  auto list = CompareJson::array();
  for (const auto& thing : things) list.push_back(json_of(thing));
  return list;
}

}  // namespace

std::string comparison_json(const RunComparison& comparison, int exit_code) {
  const CompareJson json = {{"schema", 1},
                            {"summary", comparison_sentence(comparison)},
                            {"exit_code", exit_code},
                            {"threshold", comparison.threshold},
                            {"confidence_of_slower_and_faster", comparison.confidence},
                            {"notes", comparison.notes},
                            {"differences", list_of(comparison.differences)},
                            {"points", list_of(comparison.points)},
                            {"failed_in_a", list_of(comparison.broken_a)},
                            {"failed_in_b", list_of(comparison.broken_b)},
                            {"only_in_a", list_of(comparison.only_a)},
                            {"only_in_b", list_of(comparison.only_b)}};
  // What was cut short may end within a character.
  return json.dump(2, ' ', false, CompareJson::error_handler_t::replace) + "\n";
}

}  // namespace wiretax
