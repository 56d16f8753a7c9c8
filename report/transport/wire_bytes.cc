#include "report/transport/wire_bytes.h"

#include <fmt/format.h>

namespace wiretax {
namespace {

constexpr double kWorthCounting = 1024;   // bytes of a message; below, acknowledgements count, too
constexpr double kWorthBounding = 65536;  // below, headers and NCCL's own messages
constexpr double kFewest = 0.95;          // counters are read a moment after the last message
constexpr double kMostTimes = 2.5;

}  // namespace

double least_wire_bytes(std::string_view operation, double bytes, double ranks, bool ring) {
  if (operation == "send_recv") return ring ? ranks * bytes : bytes;
  return (operation == "all_reduce" ? 2 : 1) * (ranks - 1) * bytes;
}

std::optional<std::string> odd_wire_bytes(double least, double seen, double bytes) {
  if (least <= 0 || bytes < kWorthCounting) return std::nullopt;
  const double share = seen / least;
  if (share < kFewest) {
    return fmt::format(
        "only {:.0f} % of the bytes that must have crossed were counted there: "
        "something else carried them",
        100 * share);
  }
  if (bytes < kWorthBounding || share <= kMostTimes) return std::nullopt;
  return fmt::format(
      "{:.1f} times the bytes that had to cross were counted there: others sent, too", share);
}

}  // namespace wiretax
