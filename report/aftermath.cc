#include "report/aftermath.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "report/symptoms.h"
#include "report/units.h"

namespace wiretax {
namespace {

/// Rows that tell the same, as one line: how many, and the first of them.
class Rows {
 public:
  void add(const Record& record) {
    if (count_++ == 0) first_ = record.name;
  }
  [[nodiscard]] bool any() const { return count_ > 0; }
  [[nodiscard]] std::string text() const {
    return count_ == 1 ? first_ : fmt::format("{} and {} more", first_, count_ - 1);
  }

 private:
  std::size_t count_ = 0;
  std::string first_;
};

std::vector<const Record*> rows_over_rdma(std::span<const ResultFile> files) {
  std::vector<const Record*> rows;
  for (const auto& file : files) {
    for (const auto& record : file.records) {
      if (record.measured() && record.operation.starts_with("rdma_")) rows.push_back(&record);
    }
  }
  return rows;
}

void add_losses(std::span<const Record* const> rows, std::vector<Aftermath>& found) {
  Rows lost;
  Rows congested;
  double packets = 0;
  for (const auto* record : rows) {
    if (const double again = record->counter("retransmits").value_or(0); again > 0) {
      lost.add(*record);
      packets += again;
    }
    if (record->reason.find("cnp") != std::string::npos) congested.add(*record);
  }
  if (lost.any()) {
    found.push_back({"packet-loss", fmt::format("{:.0f} times something was sent again in {}",
                                                packets, lost.text())});
  }
  if (congested.any()) {
    found.push_back({"congestion", "congestion was signalled in " + congested.text()});
  }
}

void add_small_packets(std::span<const Record* const> rows, std::vector<Aftermath>& found) {
  constexpr double kSmall = 1024;
  Rows small;
  for (const auto* record : rows) {
    if (record->counter("mtu") == kSmall) small.add(*record);
  }
  if (small.any()) found.push_back({"mtu-1500", "a path MTU of 1024 in " + small.text()});
}

/// The best that each link did, alone, of large messages.
void add_degraded(std::span<const Record* const> rows, std::vector<Aftermath>& found) {
  struct Best {
    double rate = 0;
    double bound = 0;
    bool lost = false;
  };
  constexpr double kLarge = 65536;
  constexpr double kLeastBound = 90;
  constexpr double kFrom = 8;
  constexpr double kTo = 25;
  std::map<std::string, Best> links;
  for (const auto* record : rows) {
    const auto rate = record->counter("Gbps");
    const auto bound = record->counter("bound_Gbps");
    if (record->key("link").empty() || !rate || !bound ||
        record->counter("bytes").value_or(0) < kLarge) {
      continue;
    }
    auto& best = links[fmt::format("{} from rank {} to rank {}", record->key("link"),
                                   record->key("from"), record->key("to"))];
    best.rate = std::max(best.rate, *rate);
    best.bound = *bound;
    best.lost = best.lost || record->counter("retransmits").value_or(0) > 0;
  }
  for (const auto& [link, best] : links) {
    if (best.bound < kLeastBound || best.rate < kFrom || best.rate > kTo || best.lost) continue;
    found.push_back(
        {"adapter-degraded", fmt::format("{}: {:.1f} of {:.1f} Gb/s, and nothing was lost", link,
                                         best.rate, best.bound)});
  }
}

/// All links at once, and one of them carried next to nothing.
void add_idle_half(std::span<const Record* const> rows, std::vector<Aftermath>& found) {
  constexpr double kNextToNothing = 0.1;
  constexpr std::string_view kPrefix = "GBps_";
  for (const auto* record : rows) {
    if (record->counter("links").value_or(1) < 2) continue;
    double most = 0;
    for (const auto& [name, value] : record->counters) {
      if (name.starts_with(kPrefix)) most = std::max(most, value);
    }
    for (const auto& [name, value] : record->counters) {
      if (!name.starts_with(kPrefix) || value >= kNextToNothing * most) continue;
      found.push_back(
          {"one-half-only", fmt::format("{} carried {:.2f} GB/s in {}", name.substr(kPrefix.size()),
                                        value, record->name)});
    }
  }
}

/// The bus bandwidth of an all_reduce falls to less than a third at the next size.
void add_cliffs(const ResultFile& file, std::vector<Aftermath>& found) {
  constexpr double kFall = 3;
  std::map<std::string, std::map<double, double>> curves;  // bus bandwidth by size
  for (const auto& record : file.records) {
    const auto bytes = record.counter("bytes");
    const auto rate = record.counter("bus_GBps");
    if (record.operation != "all_reduce" || !record.measured() || !bytes || !rate) continue;
    curves[record.name.substr(0, record.name.rfind("/bytes:"))][*bytes] = *rate;
  }
  for (const auto& [curve, rates] : curves) {
    for (auto at = rates.begin(); at != rates.end() && std::next(at) != rates.end(); ++at) {
      const auto& [bytes, rate] = *std::next(at);
      if (at->second <= kFall * rate) continue;
      found.push_back(
          {"size-cliff", fmt::format("{}: {} at {} and {} at {}", curve,
                                     format_gigabytes_per_second(at->second * kGigabyte) + " GB/s",
                                     format_bytes(static_cast<std::uint64_t>(at->first)),
                                     format_gigabytes_per_second(rate * kGigabyte) + " GB/s",
                                     format_bytes(static_cast<std::uint64_t>(bytes)))});
    }
  }
}

}  // namespace

std::vector<Aftermath> aftermath(std::span<const ResultFile> files) {
  std::vector<Aftermath> found;
  const auto all = rows_over_rdma(files);
  add_losses(all, found);
  add_small_packets(all, found);
  for (const auto& file : files) {
    // Links of one name may be another file's other ones.
    const auto rows = rows_over_rdma({&file, 1});
    add_degraded(rows, found);
    add_idle_half(rows, found);
    add_cliffs(file, found);
  }
  return found;
}

std::string aftermath_text(std::span<const ResultFile> files, const Ink& ink) {
  const auto found = aftermath(files);
  if (found.empty()) return {};
  auto text = fmt::format("\n{}\n", ink.bold("what these results show"));
  std::set<std::string> explained;
  for (const auto& [id, evidence] : found) {
    text += fmt::format("  {}: {}\n", ink.doubtful(id), printable(evidence));
    if (explained.insert(id).second) text += fmt::format("    fix: {}\n", find_symptom(id).fix);
  }
  return text;
}

}  // namespace wiretax
