#include "report/commands/compare_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "report/units.h"

namespace wiretax {
namespace {

constexpr std::size_t kMostListed = 12;

std::string marked(Change change, const Ink& ink) {
  const auto name = change_name(change);
  if (change == Change::kSlower) return ink.bad(name);
  if (change == Change::kFaster) return ink.good(name);
  return change == Change::kSame ? std::string(name) : ink.doubtful(name);
}

std::string interval_text(const Interval& interval) {
  return fmt::format("{} to {}", change_text(interval.low), change_text(interval.high));
}

std::string percent(double share) { return format_figures(100 * share) + " %"; }

/// Tables have one for each curve.
std::string curve_of(const ComparedPoint& point) {
  const auto curve = point.name.substr(0, point.name.rfind("/bytes:"));
  return point.fabric.empty() ? curve : fmt::format("{} ({})", curve, point.fabric);
}

std::string size_of(const ComparedPoint& point) {
  const auto record = parse_name(point.name);
  const auto bytes = record.key("bytes");
  return bytes.empty() ? "-" : format_bytes(parse_bytes(bytes));
}

std::string remarks_of(const ComparedPoint& point) {
  std::string text;
  const auto add = [&](std::string_view more) {
    text.append(text.empty() ? "" : "; ").append(more);
  };
  if (point.beyond_in_middle) add("slower in the middle, not for certain");
  for (const auto& reason : point.reasons) add(reason);
  return text;
}

const ComparedPoint& worst_of(const RunComparison& comparison) {
  return *std::ranges::max_element(comparison.points, {}, [](const ComparedPoint& point) {
    return point.change == Change::kSlower ? point.ratio : 0;
  });
}

std::string counts_text(const RunComparison& comparison) {
  const auto middle = std::ranges::count(comparison.points, true, &ComparedPoint::beyond_in_middle);
  auto text = fmt::format("{} faster, {} the same, {} ambiguous", comparison.count(Change::kFaster),
                          comparison.count(Change::kSame), comparison.count(Change::kAmbiguous));
  if (middle > 0) text += fmt::format(" (of these slower in the middle: {})", middle);
  if (const auto bare = comparison.without_intervals(); bare > 0) {
    text += fmt::format(", {} without an interval", bare);
  }
  if (const auto unlike = comparison.count(Change::kNotComparable); unlike > 0) {
    text += fmt::format(", {} not comparable", unlike);
  }
  const auto lone = comparison.only_a.size() + comparison.only_b.size();
  if (lone > 0) text += fmt::format(", {} in one run only", lone);
  return text;
}

std::string points_text(const RunComparison& comparison, bool all, const Ink& ink) {
  using enum Table::Align;
  std::map<std::string, std::vector<const ComparedPoint*>> curves;
  for (const auto& point : comparison.points) {
    if (all || point.change != Change::kSame) curves[curve_of(point)].push_back(&point);
  }
  std::string text;
  for (auto& [curve, points] : curves) {
    std::ranges::stable_sort(points, {}, [](const auto* point) {
      const auto record = parse_name(point->name);
      const auto bytes = record.key("bytes");
      return std::pair(bytes.size(), std::string(bytes));
    });
    Table table({{"size"}, {"A"}, {"B"}, {"B - A"}, {"95 %"}, {"", kLeft}, {"", kLeft}});
    for (const auto* point : points) {
      table.add({size_of(*point), format_seconds(point->a.mean), format_seconds(point->b.mean),
                 change_text(point->ratio),
                 point->has_intervals ? interval_text(point->interval) : "-",
                 marked(point->change, ink), remarks_of(*point)});
    }
    text += fmt::format("\n{}\n{}", ink.bold(printable(curve)), table.text(ink));
  }
  return text;
}

std::string list_text(std::string_view title, const std::vector<LonePoint>& points,
                      const Ink& ink) {
  if (points.empty()) return {};
  auto text = fmt::format("\n{}\n", ink.bold(fmt::format("{}: {}", title, points.size())));
  for (std::size_t i = 0; i < std::min(points.size(), kMostListed); ++i) {
    const auto& [fabric, name, reason] = points[i];
    text += fmt::format("  {}{}{}{}\n", printable(name),
                        fabric.empty() ? "" : fmt::format(" ({})", printable(fabric)),
                        reason.empty() ? "" : ": ", printable(reason));
  }
  if (points.size() > kMostListed) {
    text += fmt::format("  and {} more, in --json\n", points.size() - kMostListed);
  }
  return text;
}

std::string differences_text(const RunComparison& comparison, const Ink& ink) {
  std::string text;
  std::set<std::string> forbidding;
  for (const auto& difference : comparison.differences) {
    const auto line = difference_text(difference);
    text += fmt::format("  {}\n", difference.forbids ? ink.doubtful(line) : line);
  }
  for (const auto& point : comparison.points) {
    if (point.change != Change::kNotComparable) continue;
    for (const auto& reason : point.reasons) {
      const auto word = reason.substr(0, reason.find(':'));
      if (forbidding_words().contains(word)) forbidding.insert(word);
    }
  }
  if (!text.empty())
    text = fmt::format("\n{}\n{}", ink.bold("Context that differs: A and B"), text);
  if (forbidding.empty()) return text;
  std::string words;
  for (const auto& word : forbidding) words += (words.empty() ? "" : ",") + word;
  return text + fmt::format("\nIf that is what was changed on purpose: --changed {}\n", words);
}

std::string legend(const RunComparison& comparison, bool all) {
  auto text = fmt::format(
      "\nRatios are of times. SAME: the 95 % interval lies within {0}; SLOWER, FASTER: wholly "
      "beyond "
      "{0}. Of those two at\nmost 5 % are chance in the mean, however many points there are: their "
      "intervals hold to {1:.4g} %.\nAn interval covers one start of the programs; what changes "
      "from "
      "start to start shows where a folder holds several.\n",
      percent(comparison.threshold), 100 * comparison.confidence);
  if (comparison.repeated > 0) {
    text += fmt::format(
        "Points measured more than once: {}; the mean of their means, within Student's interval "
        "between the starts\nor the widest of their own. Two starts say little: 9 times their "
        "standard deviation; five: 1.2 times.\n",
        comparison.repeated);
  }
  if (!all && comparison.count(Change::kSame) > 0) text += "--all shows the same ones, too.\n";
  return text;
}

}  // namespace

std::string change_text(double ratio) {
  constexpr double kRatherTimes = 2;
  if (ratio >= kRatherTimes) return "x " + format_figures(ratio);
  return fmt::format("{:+.1f} %", 100 * (ratio - 1));
}

std::string comparison_sentence(const RunComparison& comparison) {
  const auto slower = comparison.count(Change::kSlower);
  const auto points = comparison.points.size();
  const auto doubt = comparison.doubt();
  const auto ending = doubt.empty() ? std::string() : fmt::format("; {}", printable(doubt));
  if (points == 0) return fmt::format("Nothing is compared: {}.", printable(doubt));
  if (slower == 0) {
    return fmt::format("Of {} points none is for certain slower by over {}: {}{}.", points,
                       percent(comparison.threshold), counts_text(comparison), ending);
  }
  const auto& worst = worst_of(comparison);
  return fmt::format("SLOWER: {} of {} points by over {}, at worst {} ({}) {}; {}{}.", slower,
                     points, percent(comparison.threshold), change_text(worst.ratio),
                     interval_text(worst.interval), printable(worst.name), counts_text(comparison),
                     ending);
}

std::string comparison_text(const RunComparison& comparison, bool all, const Ink& ink) {
  auto text = ink.bold(comparison_sentence(comparison)) + "\n";
  for (const auto& note : comparison.notes) text += fmt::format("note: {}\n", printable(note));
  text += differences_text(comparison, ink);
  text += points_text(comparison, all, ink);
  text += list_text("Failed in A", comparison.broken_a, ink);
  text += list_text("Failed in B", comparison.broken_b, ink);
  text += list_text("Only in A", comparison.only_a, ink);
  text += list_text("Only in B", comparison.only_b, ink);
  return text + (comparison.points.empty() ? "" : legend(comparison, all));
}

}  // namespace wiretax
