#include "report/exporters/link_fit.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "report/explain/implied.h"
#include "report/record.h"
#include "report/units.h"

namespace wiretax {
namespace {

constexpr std::uint64_t kLargestFitted = 64 * kMebibyte;
constexpr double kGoodFit = .1;

using CurvePoints = std::span<const CurvePoint>;

double miss(double predicted_s, double measured_s) { return predicted_s / measured_s - 1; }

/// Factors weigh alike in both directions.
double distance(const LinkFit& fit) {
  return fit.worst ? std::abs(std::log(fit.worst_s / fit.worst->time_s)) : 0;
}

/// Nothing where no link has these times.
std::optional<SimulatedLink> link_through(const CurvePoint& first, const CurvePoint& last,
                                          std::uint64_t ranks) {
  const double steps = 2 * (real(ranks) - 1);
  const double rise_s = last.time_s - first.time_s;
  if (!(rise_s > 0)) return std::nullopt;
  SimulatedLink link;
  link.bytes_per_s = steps / real(ranks) * (real(last.bytes) - real(first.bytes)) / rise_s;
  link.latency_s = first.time_s / steps - real(first.bytes) / (real(ranks) * link.bytes_per_s);
  if (link.latency_s < 0) return std::nullopt;
  return link;
}

std::optional<LinkFit> fit_line(CurvePoints points, std::uint64_t ranks) {
  const auto link = link_through(points.front(), points.back(), ranks);
  if (!link) return std::nullopt;
  LinkFit fit{.link = *link, .first = points.front(), .last = points.back(), .worst = {}};
  for (const auto& point : points.subspan(1, points.size() - 2)) {
    LinkFit here = fit;
    here.worst = point;
    here.worst_s = ring_all_reduce_s(*link, ranks, real(point.bytes));
    if (distance(here) >= distance(fit)) fit = here;
  }
  return fit;
}

void split(CurvePoints points, std::uint64_t ranks, LinkFits& fits) {
  double least = distance(fits.whole);
  for (std::size_t at = 1; at + 1 < points.size(); ++at) {
    const auto small = fit_line(points.first(at + 1), ranks);
    const auto large = fit_line(points.subspan(at), ranks);
    if (!small || !large) continue;
    const double worse = std::max(distance(*small), distance(*large));
    if (worse >= least) continue;
    least = worse;
    fits.small = small;
    fits.large = large;
  }
}

void warn_of_shape(CurvePoints points, std::vector<std::string>& warnings) {
  for (std::size_t i = 1; i < points.size(); ++i) {
    const auto& before = points[i - 1];
    const auto& after = points[i];
    if (after.time_s < before.time_s) {
      warnings.push_back(fmt::format("the curve falls: {} take {}, {} take {}",
                                     format_bytes(before.bytes), format_seconds(before.time_s),
                                     format_bytes(after.bytes), format_seconds(after.time_s)));
    }
    if (real(after.bytes) > kHoleFactor * real(before.bytes)) {
      warnings.push_back(
          fmt::format("nothing was measured between {} and {}: how far the line is off there is "
                      "not known",
                      format_bytes(before.bytes), format_bytes(after.bytes)));
    }
  }
}

std::string no_line_text(const CurvePoint& first, const CurvePoint& last) {
  const auto what =
      last.time_s > first.time_s ? "its latency would be below zero" : "time falls with size";
  return fmt::format("all_reduce: no link takes {} for {} and {} for {}: {}",
                     format_seconds(first.time_s), format_bytes(first.bytes),
                     format_seconds(last.time_s), format_bytes(last.bytes), what);
}

}  // namespace

double ring_all_reduce_s(const SimulatedLink& link, std::uint64_t ranks, double bytes) {
  return ring_all_reduce_s(bytes, ranks, link.latency_s, link.bytes_per_s);
}

LinkFits fit_links(const Curve& all_reduce, std::uint64_t ranks) {
  const auto& all = all_reduce.points();
  const auto end =
      std::ranges::find_if(all, [](const auto& point) { return point.bytes > kLargestFitted; });
  const CurvePoints points(all.begin(), end);
  if (points.size() < 2) {
    throw InputError(fmt::format("all_reduce: {} size up to {}; a line takes two", points.size(),
                                 format_bytes(kLargestFitted)));
  }
  const auto whole = fit_line(points, ranks);
  if (!whole) throw InputError(no_line_text(points.front(), points.back()));
  LinkFits fits{.whole = *whole, .small = {}, .large = {}, .warnings = {}};
  if (distance(*whole) > std::log1p(kGoodFit)) split(points, ranks, fits);
  if (!whole->worst) {
    fits.warnings.emplace_back("two sizes were measured, and any two are on a line: measure more");
  }
  warn_of_shape(points, fits.warnings);
  for (auto beyond = end; beyond != all.end(); ++beyond) {
    fits.warnings.push_back(fmt::format("{} left out: no step of decoding or reading sends as much",
                                        format_bytes(beyond->bytes)));
  }
  return fits;
}

std::string fit_text(const LinkFit& fit) {
  auto text = fmt::format("line through {} and {}", format_bytes(fit.first.bytes),
                          format_bytes(fit.last.bytes));
  if (!fit.worst) return text;
  return text + fmt::format("; worst in between: {} at {}, where {} were measured ({:+.0f} %)",
                            format_seconds(fit.worst_s), format_bytes(fit.worst->bytes),
                            format_seconds(fit.worst->time_s),
                            100 * miss(fit.worst_s, fit.worst->time_s));
}

std::string send_recv_warning(const Curve& send_recv, const SimulatedLink& link) {
  if (send_recv.empty()) {
    return "send_recv was not measured: what a hop of a pipeline takes is only the line's guess";
  }
  const CurvePoint* worst = nullptr;
  double furthest = 0;
  for (const auto& point : send_recv.points()) {
    const double off = miss(link.latency_s + real(point.bytes) / link.bytes_per_s, point.time_s);
    if (worst != nullptr && std::abs(off) <= std::abs(furthest)) continue;
    worst = &point;
    furthest = off;
  }
  return fmt::format("send_recv as measured: the line is off by up to {:+.0f} %, at {}",
                     100 * furthest, format_bytes(worst->bytes));
}

}  // namespace wiretax
