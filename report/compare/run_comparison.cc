#include "report/compare/run_comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <system_error>
#include <tuple>

#include "report/compare/run_points.h"
#include "report/table.h"

namespace wiretax {
namespace {

constexpr double kFalseShare = .05;

constexpr std::array kChangeNames = {
    std::pair{Change::kSlower, std::string_view("SLOWER")},
    std::pair{Change::kFaster, std::string_view("FASTER")},
    std::pair{Change::kAmbiguous, std::string_view("AMBIGUOUS")},
    std::pair{Change::kSame, std::string_view("SAME")},
    std::pair{Change::kNotComparable, std::string_view("NOT COMPARABLE")},
};

/// What a name or a counter says differs, as the contexts' differences are said.
std::vector<Difference> own_differences(const PointPair& pair) {
  std::vector<Difference> differences;
  const auto& a = pair.a->second.record();
  const auto& b = pair.b->second.record();
  if (!pair.setting.empty()) {
    differences.push_back(
        {pair.setting, std::string(a.key(pair.setting)), std::string(b.key(pair.setting)), true});
  }
  for (const auto* name : {"ranks", "mtu"}) {
    const auto of_a = a.counter(name);
    const auto of_b = b.counter(name);
    if (!of_a || !of_b || *of_a == *of_b) continue;
    differences.push_back({name, fmt::format("{}", *of_a), fmt::format("{}", *of_b), true});
  }
  return differences;
}

class Comparer {
 public:
  Comparer(std::span<const ResultFile> a, std::span<const ResultFile> b,
           const CompareRequest& request)
      : request_(request), a_(points_of(a)), b_(points_of(b)) {
    result_.threshold = request.threshold;
    note_endings(a);
    note_endings(b);
  }

  RunComparison compare() {
    const auto pairs = pairs_of(a_, b_);
    std::set<const RunPoint*> paired;
    for (const auto& pair : pairs) {
      paired.insert({&pair.a->second, &pair.b->second});
      add(pair);
    }
    add_lone(a_, paired, result_.only_a, result_.broken_a);
    add_lone(b_, paired, result_.only_b, result_.broken_b);
    note_names();
    note_sameness();
    judge();
    std::ranges::sort(result_.points, {}, [](const ComparedPoint& point) {
      return std::tie(point.fabric, point.name);
    });
    result_.differences.assign(differences_.begin(), differences_.end());
    return std::move(result_);
  }

 private:
  void note_endings(std::span<const ResultFile> files) {
    for (const auto& file : files) {
      const auto status = file.context_value("wiretax_status");
      if (status.empty() || status == "complete") continue;
      result_.notes.push_back(fmt::format(
          "{} is not complete: {}", file.path.string(),
          status == "running" ? std::string("still running, or killed") : std::string(status)));
    }
  }

  /// Imports that nobody named are networks of their own, however alike their points.
  void note_names() {
    if (!result_.points.empty()) return;
    const auto unnamed = [](const RunPoints& points) {
      return std::ranges::any_of(
          points, [](const auto& point) { return is_named_after_file(*point.second.file); });
    };
    if (!unnamed(a_) && !unnamed(b_)) return;
    result_.notes.emplace_back(
        "imports that belong together want one name for their network: wiretax-report import FILE "
        "--fabric NAME -o FOLDER/FILE.json");
  }

  /// Somebody has named one run twice.
  void note_sameness() {
    if (result_.points.empty() || !same_) return;
    result_.notes.emplace_back("A and B are the same measurements, so this says nothing");
  }

  static std::string failure_text(const Record& record) {
    return fmt::format("{}: {}", record.verdict == Verdict::kSkipped ? "skipped" : "invalid",
                       record.reason);
  }

  static void add_failed(const RunPoints::value_type& point, std::vector<LonePoint>& broken) {
    if (point.second.failed == nullptr) return;
    const auto& [fabric, name] = point.first;
    broken.push_back({fabric, name, failure_text(*point.second.failed)});
  }

  static void add_lone(const RunPoints& points, const std::set<const RunPoint*>& paired,
                       std::vector<LonePoint>& only, std::vector<LonePoint>& broken) {
    for (const auto& point : points) {
      if (paired.contains(&point.second)) continue;
      add_failed(point, broken);
      if (!point.second.measured.empty())
        only.push_back({point.first.first, point.first.second, {}});
    }
  }

  void add(const PointPair& pair) {
    const auto& a = pair.a->second;
    const auto& b = pair.b->second;
    add_failed(*pair.a, result_.broken_a);
    add_failed(*pair.b, result_.broken_b);
    if (!a.measured.empty() && b.measured.empty()) ++result_.newly_broken;
    if (a.measured.empty() || b.measured.empty()) return;
    if (a.measured.size() > 1 || b.measured.size() > 1) ++result_.repeated;
    ComparedPoint point;
    std::tie(point.fabric, point.name) = pair.a->first;
    point.a = a.time_s();
    point.b = b.time_s();
    point.ratio = point.b.mean / point.a.mean;
    point.interval = ratio_interval(point.a, point.b);
    same_ = same_ && point.ratio == 1 && are_one(*a.file, *b.file);
    forbid(pair, point);
    doubt(a, "A", point);
    doubt(b, "B", point);
    result_.points.push_back(std::move(point));
  }

  /// Those of two files, worked out once.
  const std::vector<Difference>& between(const ResultFile* a, const ResultFile* b) {
    const auto [entry, fresh] = between_.try_emplace({a, b});
    if (fresh) {
      entry->second = context_differences(*a, *b);
      differences_.insert(entry->second.begin(), entry->second.end());
    }
    return entry->second;
  }

  void forbid(const PointPair& pair, ComparedPoint& point) {
    auto differences = between(pair.a->second.file, pair.b->second.file);
    for (auto& own : own_differences(pair)) differences.push_back(std::move(own));
    for (const auto& difference : differences) {
      if (!difference.forbids || request_.changed.contains(difference.what)) continue;
      point.change = Change::kNotComparable;
      const auto text = difference_text(difference);
      if (std::ranges::count(point.reasons, text) == 0) point.reasons.push_back(text);
    }
  }

  static void doubt(const RunPoint& of, std::string_view side, ComparedPoint& point) {
    if (!of.has_interval()) {
      point.has_intervals = false;
      point.reasons.push_back(fmt::format("{} has no interval", side));
    }
    for (const auto* record : of.measured) {
      if (record->verdict != Verdict::kSuspect) continue;
      point.reasons.push_back(fmt::format("{} is suspect: {}", side, printable(record->reason)));
      return;
    }
  }

  /// 1 - the confidence at which the whole interval is beyond the threshold, on either side.
  [[nodiscard]] double p_value(const ComparedPoint& point) const {
    const double most = 1 + request_.threshold;
    if (point.ratio > most) return ratio_p_value(point.a, point.b, most);
    if (point.ratio < 1 / most) return ratio_p_value(point.a, point.b, 1 / most);
    return 1;
  }

  void judge() {
    std::vector<ComparedPoint*> certain;
    for (auto& point : result_.points) {
      if (point.change == Change::kNotComparable) continue;
      point.beyond_in_middle = point.ratio > 1 + request_.threshold;
      if (point.has_intervals) certain.push_back(&point);
    }
    std::vector<double> p_values;
    p_values.reserve(certain.size());
    for (const auto* point : certain) p_values.push_back(p_value(*point));
    const double limit = discovery_limit(p_values, kFalseShare);
    if (limit > 0) result_.confidence = 1 - limit;
    for (std::size_t i = 0; i < certain.size(); ++i) judge(*certain[i], p_values[i] <= limit);
  }

  void judge(ComparedPoint& point, bool beyond) const {
    const double most = 1 + request_.threshold;
    if (beyond) {
      point.change = point.ratio > 1 ? Change::kSlower : Change::kFaster;
      point.interval = ratio_interval(point.a, point.b, result_.confidence);
      point.beyond_in_middle = false;
    } else if (point.interval.low >= 1 / most && point.interval.high <= most) {
      point.change = Change::kSame;
    } else if (point.interval.low > most || point.interval.high < 1 / most) {
      point.reasons.emplace_back("among so many points chance alone does that");
    }
  }

  /// Other tools' output tells no date, and its few digits may agree by chance.
  static bool are_one(const ResultFile& a, const ResultFile& b) {
    const auto date = a.context_value("date");
    std::error_code error;
    return (!date.empty() && date == b.context_value("date")) ||
           std::filesystem::equivalent(a.path, b.path, error);
  }

  const CompareRequest& request_;
  bool same_ = true;  // as far as pairs were added
  RunPoints a_;
  RunPoints b_;
  RunComparison result_;
  std::map<std::pair<const ResultFile*, const ResultFile*>, std::vector<Difference>> between_;
  std::set<Difference> differences_;
};

}  // namespace

std::string_view change_name(Change change) {
  return std::ranges::find(kChangeNames, change, &std::pair<Change, std::string_view>::first)
      ->second;
}

std::size_t RunComparison::count(Change change) const {
  return static_cast<std::size_t>(std::ranges::count(points, change, &ComparedPoint::change));
}

std::size_t RunComparison::without_intervals() const {
  return static_cast<std::size_t>(std::ranges::count_if(points, [](const ComparedPoint& point) {
    return point.change != Change::kNotComparable && !point.has_intervals;
  }));
}

std::string RunComparison::doubt() const {
  if (points.empty()) return "no point was measured in both";
  if (count(Change::kNotComparable) == points.size()) return "none of the points can be compared";
  if (newly_broken > 0) return fmt::format("points that B could not measure: {}", newly_broken);
  if (const auto unlike = count(Change::kNotComparable); unlike > 0) {
    return fmt::format("points that cannot be compared: {}", unlike);
  }
  if (without_intervals() == points.size()) {
    return "no point has an interval on both sides, so nothing is certain; a folder of several "
           "starts' files on each side gives one";
  }
  return notes.empty() ? "" : notes.front();
}

RunComparison compare_runs(std::span<const ResultFile> a, std::span<const ResultFile> b,
                           const CompareRequest& request) {
  return Comparer(a, b, request).compare();
}

}  // namespace wiretax
