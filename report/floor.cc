#include "report/floor.h"

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>

#include "report/rdma_context.h"
#include "report/units.h"

namespace wiretax {
namespace {

constexpr std::string_view kFloor = "one_shot";

/// What has to be equal for two times to be compared.
struct Kind {
  std::string operation;
  double ranks = 0;
  std::string type;
  std::string variant;  // place, pattern, and which of the ranks
  std::uint64_t bytes = 0;

  bool operator<(const Kind& other) const {
    return std::tie(operation, ranks, type, variant, bytes) <
           std::tie(other.operation, other.ranks, other.type, other.variant, other.bytes);
  }
};

struct Times {
  std::optional<double> floor_s;
  std::map<std::string, double> others_s;  // by backend and what else tells it apart
};

std::optional<Kind> kind_of(const Record& record) {
  const auto bytes = record.counter("bytes");
  const auto ranks = record.counter("ranks");
  if (!record.measured() || record.key("backend").empty() || record.key("timing") != "chained" ||
      !bytes || !ranks) {
    return std::nullopt;
  }
  return Kind{.operation = record.operation,
              .ranks = *ranks,
              .type = std::string(record.key("type")),
              .variant = fmt::format("{} {} {}", record.key("place"), record.key("pattern"),
                                     record.key("among")),
              .bytes = static_cast<std::uint64_t>(*bytes)};
}

/// "mpi lo", "nccl graph".
std::string label_of(const Record& record) {
  std::string label(record.key("backend"));
  for (const auto* const key : {"interface", "launch"}) {
    if (const auto value = record.key(key); !value.empty()) label += fmt::format(" {}", value);
  }
  return label;
}

/// The interfaces of the devices that one_shot ran over: only what used the same wire is compared.
std::set<std::string, std::less<>> floor_interfaces(std::span<const ResultFile> files) {
  std::set<std::string, std::less<>> interfaces;
  for (const auto& file : files) {
    if (file.context_value("wiretax_fabric") != kFloor) continue;
    for (const auto& device : rdma_devices(file)) interfaces.insert(device.interface);
  }
  return interfaces;
}

std::map<Kind, Times> times_of(std::span<const ResultFile> files) {
  const auto same_wire = floor_interfaces(files);
  std::map<Kind, Times> times;
  for (const auto& file : files) {
    for (const auto& record : file.records) {
      const auto kind = kind_of(record);
      if (!kind) continue;
      const auto interface = record.key("interface");
      if (!interface.empty() && !same_wire.contains(interface)) continue;
      if (record.key("backend") == kFloor) {
        times[*kind].floor_s = record.time_s;
      } else {
        times[*kind].others_s[label_of(record)] = record.time_s;
      }
    }
  }
  return times;
}

}  // namespace

Table floor_table(std::span<const ResultFile> files) {
  using enum Table::Align;
  Table table({{"operation", kLeft},
               {"ranks"},
               {"type", kLeft},
               {"size"},
               {"over", kLeft},
               {"time"},
               {"floor"},
               {"not the wire"}});
  for (const auto& [kind, times] : times_of(files)) {
    if (!times.floor_s) continue;
    for (const auto& [label, time_s] : times.others_s) {
      const double share = 1 - *times.floor_s / time_s;
      table.add({printable(kind.operation), fmt::format("{:.0f}", kind.ranks), printable(kind.type),
                 format_bytes(kind.bytes), printable(label), format_seconds(time_s),
                 format_seconds(*times.floor_s),
                 share > 0 ? fmt::format("{:.0f} %", 100 * share) : "-"});
    }
  }
  return table;
}

std::string floor_text(std::span<const ResultFile> files, const Ink& ink) {
  const auto table = floor_table(files);
  if (table.empty()) return {};
  return fmt::format(
      "\n{}floor: one_shot, RDMA writes straight into every peer's memory; not the wire: the share "
      "of the time\nbeyond it, which a library could save, of what ran over the same interfaces; "
      "-: it is as fast, or faster.\n",
      table.text(ink));
}

}  // namespace wiretax
