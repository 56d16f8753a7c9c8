#include "report/page/curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "report/fabric.h"
#include "report/rdma_context.h"
#include "report/token.h"
#include "report/units.h"

namespace wiretax {
namespace {

PageJson optional_json(const std::optional<double>& value) {
  return value ? rounded(*value) : PageJson();
}

using Verdicts = std::map<std::pair<std::string, std::string>, std::string>;  // by fabric and name

Verdicts verdicts_of(const RunComparison* comparison) {
  Verdicts verdicts;
  if (comparison == nullptr) return verdicts;
  for (const auto& point : comparison->points) {
    verdicts[{point.fabric, point.name}] = change_name(point.change);
  }
  return verdicts;
}

/// "mpi lo", and of what goes from one rank to another its link: "tcp lo 0-1".
std::string fabric_label(const ResultFile& file, const Record& record) {
  const std::string fabric(file.context_value("wiretax_fabric"));
  std::string label(record.operation.substr(0, record.operation.find('_')));
  if (label != "rdma" && label != "tcp" && !fabric.empty()) {
    const bool beside = file.context_value("wiretax_program") == "wiretax-token";
    return beside ? fabric + ", beside a token" : fabric;
  }
  for (const auto* const key : {"interface", "link", "links"}) {
    if (!record.key(key).empty()) label += fmt::format(" {}", record.key(key));
  }
  if (!record.key("from").empty()) {
    label += fmt::format(" {}-{}", record.key("from"), record.key("to"));
  }
  return label;
}

/// Of a point's keys those that tell its curve from others of the fabric.
std::string settings_of(const Record& record) {
  std::string settings;
  for (const auto& [key, value] : record.keys) {
    if (key == "bytes" || key == "interface" || key == "link" || key == "links" || key == "from" ||
        key == "to") {
      continue;
    }
    settings += fmt::format("{}{}:{}", settings.empty() ? "" : " ", key, value);
  }
  return settings;
}

/// bytes, seconds, both ends of their interval, GB/s, why it is suspect, verdict of the comparison.
PageJson point_json(const Record& record, const std::string& change) {
  const auto low_us = record.counter("mean_lo_us");
  const auto high_us = record.counter("mean_hi_us");
  const auto seconds = [](const std::optional<double>& us) {
    return us ? rounded(*us * kMicrosecond) : PageJson();
  };
  return {*record.counter("bytes"),
          rounded(record.time_s),
          seconds(low_us),
          seconds(high_us),
          optional_json(record.counter("GBps")),
          record.verdict == Verdict::kValid ? PageJson() : PageJson(record.reason),
          change.empty() ? PageJson() : PageJson(change)};
}

class CurveCollector {
 public:
  void add(const ResultFile& file, const Verdicts& verdicts) {
    const BoundLimits limits(file);
    for (const auto& record : file.records) {
      const auto bytes = record.counter("bytes");
      if (record.operation == kToken || !record.measured() || !bytes || !(*bytes > 0)) continue;
      const auto fabric = fabric_label(file, record);
      auto& curve = curves_[{record.operation, fabric, settings_of(record)}];
      if (curve.is_null()) curve = head(file, record, limits, fabric);
      const auto change =
          verdicts.find({std::string(file.context_value("wiretax_fabric")), record.name});
      curve["points"].push_back(point_json(record, change == verdicts.end() ? "" : change->second));
    }
  }

  [[nodiscard]] PageJson json() {
    PageJson list = PageJson::array();
    for (auto& [key, curve] : curves_) {
      auto& points = curve["points"];
      std::stable_sort(points.begin(), points.end(), [](const PageJson& a, const PageJson& b) {
        return a.front().get<double>() < b.front().get<double>();
      });
      list.push_back(curve);
    }
    return list;
  }

 private:
  static PageJson head(const ResultFile& file, const Record& record, const BoundLimits& limits,
                       const std::string& fabric) {
    const auto bound = record.counter("bound_Gbps");
    const auto links = record.key(record.key("links").empty() ? "link" : "links");
    const auto limit = limits.of(record.key("from"), record.key("to"), links);
    return {{"operation", record.operation},
            {"fabric", fabric},
            {"kind", file.context_value("wiretax_fabric_kind")},
            {"settings", settings_of(record)},
            {"bound_GBps", bound ? rounded(*bound * kGigabit / kGigabyte) : PageJson()},
            {"limit", limit.empty() ? PageJson() : PageJson(limit)},
            {"points", PageJson::array()}};
  }

  std::map<std::tuple<std::string, std::string, std::string>, PageJson> curves_;
};

/// Every link of the largest size, alone and while all were at work.
PageJson links_json(const ResultFile& file) {
  using Way = std::tuple<std::string, std::string, std::string>;  // operation, from, to
  std::map<Way, const Record*> largest;
  for (const auto& record : file.records) {
    if (!record.measured() || record.key("links").find('+') == std::string_view::npos) continue;
    auto& best =
        largest[{record.operation, std::string(record.key("from")), std::string(record.key("to"))}];
    if (best == nullptr || record.counter("bytes") > best->counter("bytes")) best = &record;
  }
  PageJson list = PageJson::array();
  for (const auto& record : file.records) {
    const auto found = largest.find(
        {record.operation, std::string(record.key("from")), std::string(record.key("to"))});
    if (found == largest.end() || !record.measured() ||
        record.counter("bytes") != found->second->counter("bytes") ||
        record.key("links").find('+') != std::string_view::npos) {
      continue;
    }
    const auto& together = *found->second;
    const std::string link(record.key("links"));
    list.push_back({{"over", record.operation == "tcp_links" ? "TCP" : "RDMA"},
                    {"from", record.key("from")},
                    {"to", record.key("to")},
                    {"link", link},
                    {"alone_GBps", optional_json(record.counter("GBps"))},
                    {"together_GBps", optional_json(together.counter("GBps_" + link))}});
  }
  return list;
}

PageJson token_json(const ResultFile& file, const Record& record) {
  std::string step(record.key("phase"));
  for (const auto* const key : {"batch", "chunk", "gap"}) {
    if (!record.key(key).empty()) step += fmt::format(" {} {}", key, record.key(key));
  }
  const auto priced_us = record.counter("priced_us");
  return {{"model", fmt::format("{} {}", record.key("model"), record.key("strategy"))},
          {"step", step},
          {"fabric", file.context_value("wiretax_fabric")},
          {"measured_s", rounded(token_wire_us(record) * kMicrosecond)},
          {"priced_s", priced_us ? rounded(*priced_us * kMicrosecond) : PageJson()}};
}

}  // namespace

PageJson measured_json(const PageRun& run, const RunComparison* comparison) {
  CurveCollector curves;
  const auto verdicts = verdicts_of(comparison);
  PageJson links = PageJson::array();
  PageJson tokens = PageJson::array();
  for (const auto& file : run.files) {
    curves.add(file, verdicts);
    for (auto& link : links_json(file)) links.push_back(std::move(link));
    for (const auto& record : file.records) {
      if (record.operation == kToken && record.measured())
        tokens.push_back(token_json(file, record));
    }
  }
  return {{"curves", curves.json()}, {"links", links}, {"tokens", tokens}};
}

PageJson published_curves_json(std::span<const ResultFile> files) {
  CurveCollector curves;
  for (const auto& file : files) curves.add(file, {});
  return curves.json();
}

}  // namespace wiretax
