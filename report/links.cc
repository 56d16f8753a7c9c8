#include "report/links.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ranges>
#include <set>
#include <tuple>
#include <vector>

#include "report/statistics.h"
#include "report/units.h"

namespace wiretax {
namespace {

/// A cable that does less than this share of the median one deserves a look.
constexpr double kFarBehind = 0.8;

double number_of(std::string_view text) { return text.empty() ? 0 : std::stod(std::string(text)); }

/// All links between two ranks, at one size.
struct Bundle {
  std::map<std::string, double> alone;  // bytes per second by link
  const Record* together = nullptr;

  [[nodiscard]] double alone_sum() const {
    double sum = 0;
    for (const auto& [link, rate] : alone) sum += rate;
    return sum;
  }
  /// What all can do: together where there are several.
  [[nodiscard]] double rate() const {
    if (together == nullptr) return alone_sum();
    return together->counter("GBps").value_or(0) * kGigabyte;
  }
};

using Pair = std::pair<int, int>;
using Bundles = std::map<std::tuple<Pair, std::uint64_t>, Bundle>;

Bundles bundles_of(const ResultFile& file) {
  Bundles bundles;
  for (const auto& record : file.records) {
    if (record.operation != "rdma_links") continue;
    const Pair pair = {static_cast<int>(number_of(record.key("from"))),
                       static_cast<int>(number_of(record.key("to")))};
    const auto bytes = static_cast<std::uint64_t>(number_of(record.key("bytes")));
    const std::string links(record.key("links"));
    if (links.find('+') != std::string::npos) {
      bundles[{pair, bytes}].together = &record;
    } else if (const auto rate = record.counter("GBps"); rate && record.measured()) {
      bundles[{pair, bytes}].alone[links] = *rate * kGigabyte;
    }
  }
  return bundles;
}

std::string predicted(const Bundle& bundle) {
  const auto bound = bundle.together->counter("bound_Gbps");
  if (!bound) return "-";
  return fmt::format("{:.2f}", std::min(1.0, *bound * kGigabit / bundle.alone_sum()));
}

void add_bundle(const std::tuple<Pair, std::uint64_t>& key, const Bundle& bundle, Table& table) {
  const auto& [pair, bytes] = key;
  const auto ranks = fmt::format("{} to {}", pair.first, pair.second);
  const auto rate = [](double value) { return format_gigabytes_per_second(value); };
  for (const auto& [link, alone] : bundle.alone) {
    const auto shared = bundle.together == nullptr
                            ? std::nullopt
                            : bundle.together->counter(fmt::format("GBps_{}", link));
    table.add({ranks, format_bytes(bytes), printable(link), rate(alone),
               shared ? rate(*shared * kGigabyte) : "-", "", ""});
  }
  if (bundle.together == nullptr) return;
  if (!bundle.together->measured()) {
    table.add({ranks, format_bytes(bytes), "all", rate(bundle.alone_sum()),
               printable(bundle.together->reason)});
    return;
  }
  table.add({ranks, format_bytes(bytes), "all", rate(bundle.alone_sum()), rate(bundle.rate()),
             fmt::format("{:.2f}", bundle.rate() / bundle.alone_sum()), predicted(bundle)});
}

/// The largest size of every pair: the fairest to a cable.
std::map<Pair, double> rates_of_pairs(const Bundles& bundles) {
  std::map<Pair, double> rates;
  for (const auto& [key, bundle] : bundles) {
    if (bundle.rate() > 0) rates[std::get<0>(key)] = bundle.rate();
  }
  return rates;
}

std::string pairs_text(const std::map<Pair, double>& rates, const Ink& ink) {
  std::set<int> ranks;
  std::vector<double> all;
  for (const auto& [pair, rate] : rates) {
    ranks.insert({pair.first, pair.second});
    all.push_back(rate);
  }
  std::vector<Table::Column> columns = {{"GB/s from", Table::Align::kLeft}};
  for (const int to : ranks) columns.push_back({fmt::format("to {}", to)});
  Table table(std::move(columns));
  for (const int from : ranks) {
    std::vector<std::string> cells = {fmt::format("{}", from)};
    for (const int to : ranks) {
      const auto found = rates.find({std::min(from, to), std::max(from, to)});
      cells.push_back(found == rates.end() ? "-" : format_gigabytes_per_second(found->second));
    }
    table.add(std::move(cells));
  }
  auto text = fmt::format("\n{}", table.text(ink));
  for (const auto& [pair, rate] : rates) {
    if (rate >= kFarBehind * median(all)) continue;
    text +=
        fmt::format("{} to {} reaches {:.0f} % of the median pair: look at its cable and ports\n",
                    pair.first, pair.second, 100 * rate / median(all));
  }
  return text;
}

}  // namespace

std::string links_text(const ResultFile& file, const Ink& ink) {
  const auto bundles = bundles_of(file);
  if (bundles.empty()) return {};
  using enum Table::Align;
  Table table({{"ranks", kLeft},
               {"size"},
               {"link", kLeft},
               {"alone GB/s"},
               {"together GB/s"},
               {"together/alone"},
               {"predicted"}});
  for (const auto& [key, bundle] : bundles) add_bundle(key, bundle, table);
  auto text = fmt::format("\n{}", table.text(ink));
  const auto rates = rates_of_pairs(bundles);
  if (rates.size() > 1) text += pairs_text(rates, ink);
  return text;
}

}  // namespace wiretax
