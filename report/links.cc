#include "report/links.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <ranges>
#include <set>
#include <tuple>
#include <vector>

#include "report/rdma_context.h"
#include "report/statistics.h"
#include "report/units.h"

namespace wiretax {
namespace {

/// A cable that does less than this share of the median one deserves a look.
constexpr double kFarBehind = 0.8;

template <typename Number>
std::optional<Number> number_of(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(number) : std::nullopt;
}

/// All links between two ranks, at one size.
struct Bundle {
  std::map<std::string, double> alone;  // bytes per second by link
  const Record* together = nullptr;

  [[nodiscard]] double alone_sum() const {
    double sum = 0;
    for (const auto& [link, rate] : alone) sum += rate;
    return sum;
  }
  /// Of all that were at work together, what each does alone was measured, too.
  [[nodiscard]] bool complete() const {
    const auto links = together->key("links");
    return alone.size() == static_cast<std::size_t>(std::ranges::count(links, '+')) + 1;
  }
  /// What all can do together; of one link, what it can; nothing where that was not measured.
  [[nodiscard]] std::optional<double> rate() const {
    if (together == nullptr) return alone.size() == 1 ? std::optional(alone_sum()) : std::nullopt;
    const auto sum = together->measured() ? together->counter("GBps") : std::nullopt;
    return sum ? std::optional(*sum * kGigabyte) : std::nullopt;
  }
};

using Pair = std::pair<int, int>;
using Key = std::tuple<std::string, Pair, std::uint64_t>;  // operation, ranks, bytes
using Bundles = std::map<Key, Bundle>;

Bundles bundles_of(const ResultFile& file) {
  Bundles bundles;
  for (const auto& record : file.records) {
    if (record.operation != "rdma_links" && record.operation != "tcp_links") continue;
    const auto from = number_of<int>(record.key("from"));
    const auto to = number_of<int>(record.key("to"));
    const auto size = number_of<std::uint64_t>(record.key("bytes"));
    if (!from || !to || !size) continue;
    const Pair pair = {*from, *to};
    const auto bytes = *size;
    const std::string links(record.key("links"));
    if (links.find('+') != std::string::npos) {
      bundles[{record.operation, pair, bytes}].together = &record;
    } else if (const auto rate = record.counter("GBps"); rate && record.measured()) {
      bundles[{record.operation, pair, bytes}].alone[links] = *rate * kGigabyte;
    }
  }
  return bundles;
}

std::string predicted(const Bundle& bundle) {
  const auto bound = bundle.together->counter("bound_Gbps");
  if (!bound || !bundle.complete()) return "-";
  return fmt::format("{:.2f}", std::min(1.0, *bound * kGigabit / bundle.alone_sum()));
}

void add_bundle(const Key& key, const Bundle& bundle, const BoundLimits& limits, Table& table) {
  const auto& [operation, pair, bytes] = key;
  const auto ranks = fmt::format("{} to {}", pair.first, pair.second);
  const std::string over = operation == "tcp_links" ? "TCP" : "RDMA";
  const auto rate = [](double value) { return format_gigabytes_per_second(value); };
  const auto limit = [&, pair = pair](std::string_view links) {
    const auto found =
        limits.of(fmt::format("{}", pair.first), fmt::format("{}", pair.second), links);
    return found.empty() ? "-" : printable(found);
  };
  for (const auto& [link, alone] : bundle.alone) {
    const auto shared = bundle.together == nullptr
                            ? std::nullopt
                            : bundle.together->counter(fmt::format("GBps_{}", link));
    table.add({ranks, over, format_bytes(bytes), printable(link), rate(alone),
               shared ? rate(*shared * kGigabyte) : "-", "", "", limit(link)});
  }
  if (bundle.together == nullptr) return;
  const auto alone_sum = bundle.complete() ? rate(bundle.alone_sum()) : "-";
  const auto together = bundle.rate();
  if (!together) {
    table.add(
        {ranks, over, format_bytes(bytes), "all", alone_sum, printable(bundle.together->reason)});
    return;
  }
  table.add({ranks, over, format_bytes(bytes), "all", alone_sum, rate(*together),
             bundle.complete() ? fmt::format("{:.2f}", *together / bundle.alone_sum()) : "-",
             predicted(bundle), limit(bundle.together->key("links"))});
}

/// The largest size of every pair: the fairest to a cable. RDMA's, where there is any.
std::map<Pair, double> rates_of_pairs(const Bundles& bundles) {
  std::map<Pair, double> rates;
  const auto& operation = std::get<0>(bundles.begin()->first);
  for (const auto& [key, bundle] : bundles) {
    const auto rate = bundle.rate();
    if (std::get<0>(key) == operation && rate) rates[std::get<1>(key)] = *rate;
  }
  return rates;
}

/// Every device that the links may use, and what it is plugged into.
Table devices_table(const ResultFile& file) {
  using enum Table::Align;
  Table table({{"host", kLeft},
               {"device", kLeft},
               {"PCI function", kLeft},
               {"PCIe", kLeft},
               {"cage", kLeft},
               {"interface", kLeft}});
  const auto text = [](const std::string& told) { return told.empty() ? "-" : printable(told); };
  std::set<std::pair<std::string, std::string>> shown;  // several ranks of a host have the same
  for (const auto& device : rdma_devices(file)) {
    if (!shown.emplace(device.host, device.name).second) continue;
    table.add({text(device.host), text(device.name), text(device.pci), text(device.pcie),
               text(device.cage), text(device.interface)});
  }
  return table;
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
      const auto found = rates.find({from, to});
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
  std::string text;
  for (const auto& table : links_tables(file)) text += fmt::format("\n{}", table.text(ink));
  const auto bundles = bundles_of(file);
  const auto rates = bundles.empty() ? std::map<Pair, double>{} : rates_of_pairs(bundles);
  if (rates.size() > 1) text += pairs_text(rates, ink);
  return text;
}

std::vector<Table> links_tables(const ResultFile& file) {
  const auto bundles = bundles_of(file);
  if (bundles.empty()) return {};
  using enum Table::Align;
  Table table({{"ranks", kLeft},
               {"over", kLeft},
               {"size"},
               {"link", kLeft},
               {"alone GB/s"},
               {"together GB/s"},
               {"together/alone"},
               {"predicted"},
               {"limited by", kLeft}});
  const BoundLimits limits(file);
  for (const auto& [key, bundle] : bundles) add_bundle(key, bundle, limits, table);
  std::vector<Table> tables = {std::move(table)};
  if (auto devices = devices_table(file); !devices.empty()) tables.push_back(std::move(devices));
  return tables;
}

}  // namespace wiretax
