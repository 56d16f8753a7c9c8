#include "report/wire.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "report/rdma_context.h"
#include "report/units.h"

namespace wiretax {
namespace {

/// One way from a rank to another, or all ways between them.
struct Way {
  std::string name;
  std::optional<double> rdma;  // bytes per second: the best of all sizes and streams
  std::optional<double> tcp;
  std::optional<double> bound;
  std::string limit;
  std::map<std::uint64_t, double> rdma_s;  // one way, by size
  std::map<std::uint64_t, double> tcp_s;
};

/// By ranks and by the interface that carries it, which RDMA and TCP have in common.
using Ways = std::map<std::pair<std::string, std::string>, Way>;

constexpr const char* kAll = "~";  // behind every interface's name

using Names = std::map<std::string, std::string>;

class Collector {
 public:
  void add(const ResultFile& file) {
    Names interfaces;  // where several hosts have the name, rank 0's
    for (const auto& device : rdma_devices(file)) interfaces.emplace(device.name, device.interface);
    const BoundLimits limits(file);
    if (mark_.empty()) mark_ = file.context_value("wiretax_mark");
    for (const auto& line : links_left_out(file)) left_out_.insert(line);
    for (const auto& record : file.records) {
      if (!record.measured()) continue;
      if (record.operation == "rdma_write_bandwidth" || record.operation == "rdma_write_latency") {
        add_rdma(record, interfaces, limits);
      } else if (record.operation == "tcp_bandwidth" || record.operation == "tcp_round_trip") {
        add_tcp(record);
      } else if (record.key("links").find('+') != std::string_view::npos) {
        add_all(record, limits);
      }
    }
  }

  [[nodiscard]] const Ways& ways() const { return ways_; }
  [[nodiscard]] bool has_rdma() const {
    return std::ranges::any_of(
        ways_, [](const auto& entry) { return entry.second.rdma || !entry.second.rdma_s.empty(); });
  }
  /// What the measurements are marked with, such as that they are an emulation's.
  [[nodiscard]] const std::string& mark() const { return mark_; }
  /// What was not used, and why.
  [[nodiscard]] const std::set<std::string>& left_out() const { return left_out_; }

 private:
  Way& way(const Record& record, std::string_view interface) {
    return ways_[{fmt::format("{} to {}", record.key("from"), record.key("to")),
                  std::string(interface)}];
  }

  static void raise(std::optional<double>& best, const Record& record) {
    const auto rate = record.counter("GBps");
    if (rate) best = std::max(best.value_or(0), *rate * kGigabyte);
  }

  static void take_bound(Way& way, const Record& record, const BoundLimits& limits,
                         std::string_view links) {
    if (const auto bound = record.counter("bound_Gbps")) way.bound = *bound * kGigabit;
    const auto limit = limits.of(record.key("from"), record.key("to"), links);
    if (!limit.empty()) way.limit = limit;
  }

  void add_rdma(const Record& record, const Names& interfaces, const BoundLimits& limits) {
    if (!record.key("ways").empty()) return;  // both ways at once is another thing
    const std::string link(record.key("link"));
    const auto own = interfaces.find(link.substr(0, link.find('-')));
    const bool known = own != interfaces.end() && !own->second.empty();
    auto& found = way(record, known ? own->second : link);
    found.name = known ? fmt::format("{} ({})", own->second, link) : link;
    if (record.operation == "rdma_write_latency") {
      add_time(found.rdma_s, record, 1);
      return;
    }
    raise(found.rdma, record);
    take_bound(found, record, limits, link);
  }

  void add_tcp(const Record& record) {
    if (!record.key("ways").empty()) return;
    auto& found = way(record, record.key("interface"));
    if (found.name.empty()) found.name = record.key("interface");
    if (record.operation == "tcp_round_trip") {
      add_time(found.tcp_s, record, 0.5);
    } else {
      raise(found.tcp, record);
    }
  }

  void add_all(const Record& record, const BoundLimits& limits) {
    auto& found = way(record, kAll);
    found.name = "all together";
    if (record.operation == "tcp_links") {
      raise(found.tcp, record);
    } else if (record.operation == "rdma_links") {
      raise(found.rdma, record);
      take_bound(found, record, limits, record.key("links"));
    }
  }

  static void add_time(std::map<std::uint64_t, double>& times, const Record& record, double share) {
    if (const auto bytes = record.counter("bytes")) {
      times[static_cast<std::uint64_t>(*bytes)] = record.time_s * share;
    }
  }

  Ways ways_;
  std::string mark_;
  std::set<std::string> left_out_;
};

std::string rate_of(const std::optional<double>& rate) {
  return rate ? format_gigabytes_per_second(*rate) : "-";
}

std::string percent_of(const std::optional<double>& part, const std::optional<double>& whole) {
  return part && whole && *whole > 0 ? fmt::format("{:.1f}", 100 * *part / *whole) : "-";
}

std::string bandwidth_text(const Ways& ways, const Ink& ink) {
  using enum Table::Align;
  Table table({{"ranks", kLeft},
               {"link", kLeft},
               {"RDMA GB/s"},
               {"TCP GB/s"},
               {"bound GB/s"},
               {"RDMA % of bound"},
               {"limited by", kLeft}});
  for (const auto& [key, way] : ways) {
    if (!way.rdma && !way.tcp) continue;
    table.add({printable(key.first), printable(way.name), rate_of(way.rdma), rate_of(way.tcp),
               rate_of(way.bound), percent_of(way.rdma, way.bound),
               way.limit.empty() ? "-" : printable(way.limit)});
  }
  return table.empty() ? "" : fmt::format("\n{}", table.text(ink));
}

std::string latency_text(const Ways& ways, const Ink& ink) {
  using enum Table::Align;
  Table table(
      {{"ranks", kLeft}, {"link", kLeft}, {"one way of"}, {"RDMA"}, {"TCP"}, {"TCP / RDMA"}});
  for (const auto& [key, way] : ways) {
    for (const auto& [bytes, rdma_s] : way.rdma_s) {
      const auto tcp = way.tcp_s.find(bytes);
      if (tcp == way.tcp_s.end()) continue;
      table.add({printable(key.first), printable(way.name), format_bytes(bytes),
                 format_seconds(rdma_s), format_seconds(tcp->second),
                 fmt::format("{:.1f}", tcp->second / rdma_s)});
    }
  }
  return table.empty() ? "" : fmt::format("\n{}", table.text(ink));
}

std::string text_of(const Collector& run, const Ink& ink) {
  auto text = bandwidth_text(run.ways(), ink) + latency_text(run.ways(), ink);
  for (const auto& line : run.left_out()) text += fmt::format("not used: {}\n", printable(line));
  const auto mark = printable(run.mark());
  return text + (mark.empty() ? "" : fmt::format("{}\n", ink.doubtful(mark)));
}

}  // namespace

std::string wire_text(std::span<const ResultFile> files, const Ink& ink) {
  // Runs are told apart, since the better of two is neither.
  std::map<std::pair<std::string, std::string>, Collector> runs;
  for (const auto& file : files) {
    const auto hosts = std::string(file.context_value("hosts"));
    runs[{file.path.parent_path().string(), hosts}].add(file);
  }
  std::erase_if(runs, [](const auto& run) { return !run.second.has_rdma(); });
  std::string text;
  for (const auto& [run, collector] : runs) {
    if (runs.size() > 1) {
      const auto& [folder, hosts] = run;
      text += fmt::format("\n{}", ink.bold(printable(fmt::format("{} {}", folder, hosts))));
    }
    text += text_of(collector, ink);
  }
  return text;
}

}  // namespace wiretax
