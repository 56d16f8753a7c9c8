#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "report/fabric.h"
#include "report/scale.h"
#include "report/units.h"

namespace wiretax {
namespace {

/// Of more nobody has to be told on paper.
constexpr std::uint64_t kMostMeasuredRanks = 64;

std::set<std::uint64_t> measured_ranks(std::span<const ResultFile> files) {
  std::set<std::uint64_t> all = {2};
  for (const auto& file : files) {
    for (const auto& record : file.records) {
      const auto ranks = record.counter("ranks");
      if (record.operation != "all_reduce" || !ranks) continue;
      if (*ranks >= 2 && *ranks <= real(kMostMeasuredRanks)) {
        all.insert(static_cast<std::uint64_t>(*ranks));
      }
    }
  }
  return all;
}

Fabric chosen_fabric(std::span<const ResultFile> files, std::uint64_t ranks,
                     std::string_view name) {
  auto fabrics = all_fabrics_of(files, ranks);
  std::vector<std::string> names;
  for (auto& fabric : fabrics) {
    if (fabric.name == name) return std::move(fabric);
    names.push_back(fabric.name);
  }
  if (names.empty()) throw InputError("there are no collectives in the given files");
  if (!name.empty() || names.size() > 1) {
    throw std::invalid_argument(fmt::format("--fabric takes one of: {}", fmt::join(names, ", ")));
  }
  return std::move(fabrics.front());
}

/// Two ranks' ring has two steps of half the bytes each.
Curve half_of_all_reduce(const Curve& all_reduce) {
  std::vector<CurvePoint> points;
  for (const auto& point : all_reduce.points()) {
    if (point.bytes < 2) continue;
    points.push_back(
        {point.bytes / 2, point.time_s / 2, {point.interval_s.low / 2, point.interval_s.high / 2}});
  }
  return Curve(points);
}

void take_pair(const Fabric& two, MeasuredSteps& measured) {
  if (!two.send_recv.empty()) {
    measured.pair = two.send_recv;
    measured.pair_from = "send_recv as measured";
  } else if (!two.all_reduce.empty()) {
    measured.pair = half_of_all_reduce(two.all_reduce);
    measured.pair_from =
        "half the all_reduce of 2 ranks at 2x bytes, since send_recv was not measured";
  }
  if (measured.pair.empty()) {
    throw InputError(fmt::format(
        "{}: neither send_recv nor an all_reduce of 2 ranks was measured: on what N ranks take, "
        "nothing can be built",
        measured.fabric));
  }
}

/// The link's own bound, where the rows tell it; else the best that was seen.
void take_bandwidth(std::span<const ResultFile> files, MeasuredSteps& measured) {
  for (const auto& file : files) {
    if (file.context_value("wiretax_fabric") != measured.fabric) continue;
    for (const auto& record : file.records) {
      const auto bound = record.counter("bound_Gbps");
      if (bound && *bound > 0) {
        measured.bytes_per_s = std::max(measured.bytes_per_s, *bound * kGigabit);
      }
    }
  }
  measured.bytes_per_s_from = "the link's bound";
  if (measured.bytes_per_s > 0) return;
  measured.bytes_per_s_from = "the best that two ranks reached";
  for (const auto& point : measured.pair.points()) {
    measured.bytes_per_s = std::max(measured.bytes_per_s, real(point.bytes) / point.time_s);
  }
  for (const auto& [ranks, curve] : measured.all_reduce) {
    for (const auto& point : curve.points()) {
      const double sent = 2 * (real(ranks) - 1) / real(ranks) * real(point.bytes);
      measured.bytes_per_s = std::max(measured.bytes_per_s, sent / point.time_s);
    }
  }
}

}  // namespace

MeasuredSteps measured_steps(std::span<const ResultFile> files, std::string_view fabric) {
  MeasuredSteps measured;
  const auto two = chosen_fabric(files, 2, fabric);
  measured.fabric = two.name;
  measured.notes = two.notes;
  for (const auto ranks : measured_ranks(files)) {
    auto curve = chosen_fabric(files, ranks, two.name).all_reduce;
    if (!curve.empty()) measured.all_reduce.emplace(ranks, std::move(curve));
  }
  take_pair(two, measured);
  take_bandwidth(files, measured);
  return measured;
}

}  // namespace wiretax
