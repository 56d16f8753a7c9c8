#include "verbs/pairing.h"

#include <fmt/format.h>

#include <algorithm>

namespace wiretax::verbs {
namespace {

bool share_subnet(const Port& a, const Port& b) { return common_subnet(a, b).has_value(); }

/// The same function of the same kind of host, in the same cage; or what software calls the same.
bool same_place(const Port& a, const Port& b) {
  if (a.pci && b.pci) return a.pci == b.pci && a.phys_port_name == b.phys_port_name;
  return a.name() == b.name();
}

class Pairing {
 public:
  Pairing(const std::vector<Port>& mine, const std::vector<Port>& theirs)
      : mine_(mine), theirs_(theirs), taken_(theirs.size()) {}

  std::vector<Link> result() {
    // A subnet says more than a place, so it comes first for all of them.
    std::vector<std::size_t> rest;
    for (std::size_t i = 0; i < mine_.size(); ++i) {
      if (mine_[i].active() && !add_by_subnet(i)) rest.push_back(i);
    }
    for (const auto i : rest) add_by_place(i);
    std::ranges::sort(links_, {}, &Link::mine);
    return std::move(links_);
  }

 private:
  using Candidates = std::vector<std::size_t>;

  [[nodiscard]] Candidates in_subnet(std::size_t i) const {
    Candidates found;
    for (std::size_t k = 0; k < theirs_.size(); ++k) {
      if (is_free(k) && share_subnet(mine_[i], theirs_[k])) found.push_back(k);
    }
    return found;
  }

  bool add_by_subnet(std::size_t i) {
    const auto candidates = in_subnet(i);
    if (candidates.empty()) return false;
    const auto alike = std::ranges::find_if(
        candidates, [&](std::size_t k) { return same_place(mine_[i], theirs_[k]); });
    const auto chosen = alike == candidates.end() ? candidates.front() : *alike;
    take(i, chosen, doubt_of(i, chosen));
    return true;
  }

  void add_by_place(std::size_t i) {
    for (std::size_t k = 0; k < theirs_.size(); ++k) {
      if (!is_free(k) || !same_place(mine_[i], theirs_[k])) continue;
      take(i, k,
           fmt::format("{} shares no IPv4 subnet with the other host: paired by its place",
                       mine_[i].name()));
      return;
    }
  }

  /// Another port of the same host is in the same subnet.
  [[nodiscard]] static bool crowded(const std::vector<Port>& ports, std::size_t i) {
    for (std::size_t other = 0; other < ports.size(); ++other) {
      const bool differs = other != i && ports[other].netdev != ports[i].netdev;
      if (differs && ports[other].active() && share_subnet(ports[i], ports[other])) return true;
    }
    return false;
  }

  [[nodiscard]] std::string doubt_of(std::size_t i, std::size_t k) const {
    std::string who;
    if (crowded(mine_, i)) {
      who = mine_[i].name();
    } else if (crowded(theirs_, k)) {
      who = fmt::format("the other end of {}, {},", mine_[i].name(), theirs_[k].name());
    }
    if (who.empty()) return {};
    return fmt::format(
        "{} shares its subnet with another port of its host, so packets may leave by either: give "
        "each its own",
        who);
  }

  [[nodiscard]] bool is_free(std::size_t k) const { return theirs_[k].active() && !taken_[k]; }

  void take(std::size_t i, std::size_t k, std::string doubt) {
    taken_[k] = true;
    links_.push_back({i, k, std::move(doubt)});
  }

  const std::vector<Port>& mine_;
  const std::vector<Port>& theirs_;
  std::vector<bool> taken_;
  std::vector<Link> links_;
};

}  // namespace

std::optional<CommonSubnet> common_subnet(const Port& mine, const Port& theirs) {
  std::optional<CommonSubnet> found;
  bool only_local = false;
  for (const auto& own : mine.networks) {
    for (const auto& other : theirs.networks) {
      if (own.prefix_length != other.prefix_length || !own.contains(other.address)) continue;
      if (found && !only_local) continue;
      found = {own.address, other.address};
      only_local = own.link_local();
    }
  }
  return found;
}

std::vector<Link> pair_ports(const std::vector<Port>& mine, const std::vector<Port>& theirs) {
  return Pairing(mine, theirs).result();
}

}  // namespace wiretax::verbs
