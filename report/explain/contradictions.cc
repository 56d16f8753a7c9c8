#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "report/explain/explain.h"
#include "report/units.h"

namespace wiretax {
namespace {

/// Two readings, of which the smaller message takes longer.
struct Contradiction {
  const Reading* small = nullptr;
  const Reading* large = nullptr;

  [[nodiscard]] double times() const {
    return small == nullptr ? 1 : small->wire->each_s.low / large->wire->each_s.high;
  }
  [[nodiscard]] std::string text() const {
    return fmt::format(
        "one fabric cannot take at least {} for {} and at most {} for {}: the slower one lost its "
        "time elsewhere, or in another run of the fabric",
        format_seconds_roughly(small->wire->each_s.low), format_bytes(small->wire->bytes),
        format_seconds_roughly(large->wire->each_s.high), format_bytes(large->wire->bytes));
  }
};

/// Of readings of one fabric.
Contradiction worst_contradiction(std::vector<const Reading*> readings) {
  std::ranges::stable_sort(readings, {},
                           [](const Reading* reading) { return reading->wire->bytes; });
  Contradiction worst;
  const Reading* slowest = nullptr;  // of smaller messages
  for (auto first = readings.begin(); first != readings.end();) {
    const auto bytes = (*first)->wire->bytes;
    const auto last = std::find_if(first, readings.end(), [&](const Reading* reading) {
      return reading->wire->bytes != bytes;
    });
    for (auto reading = first; slowest != nullptr && reading != last; ++reading) {
      const Contradiction pair{slowest, *reading};
      if (pair.times() > worst.times()) worst = pair;
    }
    for (; first != last; ++first) {
      if ((*first)->at_most) continue;
      if (slowest == nullptr || (*first)->wire->each_s.low > slowest->wire->each_s.low) {
        slowest = *first;
      }
    }
  }
  return worst;
}

}  // namespace

std::vector<std::string> conflicts(std::span<const Explanation> explanations) {
  std::vector<std::string> found;
  std::vector<const Reading*> of_one_fabric;
  const auto judge = [&] {
    const auto worst = worst_contradiction(std::move(of_one_fabric));
    if (worst.small != nullptr) found.push_back(worst.text());
    of_one_fabric.clear();
  };
  for (const auto& explanation : explanations) {
    if (!explanation.claim->same_fabric) judge();
    for (const auto& reading : explanation.readings) {
      if (reading.tells_of_the_wire()) of_one_fabric.push_back(&reading);
    }
  }
  judge();
  return found;
}

}  // namespace wiretax
