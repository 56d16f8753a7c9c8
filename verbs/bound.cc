#include "verbs/bound.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <vector>

namespace wiretax::verbs {
namespace {

struct Element {
  std::string name;
  double bytes_per_s = 0;
};

/// By what tells them apart: equal ones count once.
Bound sum_of(const std::map<std::string, Element>& elements) {
  Bound sum;
  std::vector<std::string> names;
  for (const auto& [key, element] : elements) {
    sum.bytes_per_s += element.bytes_per_s;
    names.push_back(element.name);
  }
  sum.limit = fmt::format("{}", fmt::join(names, " + "));
  return sum;
}

}  // namespace

double mtu_efficiency(int mtu) {
  constexpr double kOverhead = 82;
  return mtu / (mtu + kOverhead);
}

std::optional<Bound> bound_of(std::span<const Port> ports, double efficiency) {
  std::map<std::string, Element> slots;
  std::map<std::string, Element> cages;
  for (const auto& port : ports) {
    if (!port.pci || !port.pcie || port.rate_bytes_per_s <= 0) return std::nullopt;
    const auto slot = port.pci->slot();
    const auto cage = port.phys_port_name.empty() ? port.name() : port.phys_port_name;
    slots[slot] = {fmt::format("PCIe {} {}", slot, port.pcie->text()), port.pcie->bytes_per_s()};
    cages[port.cage()] = {"cage " + cage, port.rate_bytes_per_s};
  }
  if (slots.empty()) return std::nullopt;
  auto bound = sum_of(slots);
  const auto by_cage = sum_of(cages);
  if (by_cage.bytes_per_s < bound.bytes_per_s) bound = by_cage;
  bound.bytes_per_s *= efficiency;
  return bound;
}

std::optional<Bound> path_bound(std::span<const Port> mine, std::span<const Port> theirs,
                                double efficiency) {
  auto here = bound_of(mine, efficiency);
  const auto there = bound_of(theirs, efficiency);
  if (!here || !there) return std::nullopt;
  return there->bytes_per_s < here->bytes_per_s ? there : here;
}

}  // namespace wiretax::verbs
