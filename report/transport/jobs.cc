#include "report/transport/jobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

namespace wiretax {
namespace {

constexpr int kMostMissing = 64;  // enough to say that many are
constexpr std::size_t kMostGuesses = 1'000'000;
constexpr int kGone = -2;  // the rank of a membership that another one took over

/// Channels that were printed before, or without, the line that names their communicator.
void adopt_channels(const Process& process, std::vector<Membership>& memberships) {
  std::multimap<int, std::size_t> by_rank;
  for (const auto index : process.memberships) {
    if (!memberships[index].handle.empty()) by_rank.emplace(memberships[index].rank, index);
  }
  for (const auto orphan : process.memberships) {
    auto& from = memberships[orphan];
    if (!from.handle.empty()) continue;
    const auto [heir, end] = by_rank.equal_range(from.rank);
    if (heir == end || std::next(heir) != end) continue;
    auto& to = memberships[heir->second];
    for (auto& [kind, use] : from.channels) {
      const auto [found, added] = to.channels.try_emplace(kind, use);
      if (!added) found->second.channels.merge(use.channels);
    }
    from.channels.clear();
    from.rank = kGone;
  }
}

void adopt_network(const Process& process, std::vector<Membership>& memberships) {
  if (process.networks.size() != 1) return;
  for (const auto index : process.memberships) {
    if (!memberships[index].network) memberships[index].network = process.networks.front();
  }
}

using Groups = std::map<std::string, Communicator>;

/// A rank that its log does not tie to a communicator joins the only one that lacks it.
std::string home_of(const Membership& membership, const Groups& named,
                    const std::vector<Membership>& memberships) {
  std::string home;
  int fitting = 0;
  for (const auto& [id, communicator] : named) {
    if (membership.ranks != 0 && membership.ranks != communicator.ranks) continue;
    const auto missing = missing_ranks(communicator, memberships);
    const bool lacks =
        membership.rank < 0 ? !missing.empty() : std::ranges::count(missing, membership.rank) != 0;
    if (!lacks) continue;
    home = id;
    ++fitting;
  }
  return fitting == 1 ? home : std::string();
}

void join(Communicator& communicator, std::size_t index, const Membership& membership) {
  communicator.members.push_back(index);
  communicator.ranks = std::max(communicator.ranks, membership.ranks);
}

Groups group(std::vector<Membership>& memberships) {
  Groups groups;
  std::vector<std::size_t> homeless;
  for (std::size_t i = 0; i < memberships.size(); ++i) {
    const auto& membership = memberships[i];
    if (membership.rank == kGone) continue;
    if (membership.communicator.empty()) {
      homeless.push_back(i);
    } else {
      join(groups[membership.communicator], i, membership);
    }
  }
  // Where many are without a communicator, who belongs where is anyone's guess.
  const bool few = homeless.size() * memberships.size() < kMostGuesses;
  const auto named = groups;
  for (const auto i : homeless) {
    const auto home = few ? home_of(memberships[i], named, memberships) : std::string();
    join(groups[home], i, memberships[i]);
  }
  for (auto& [id, communicator] : groups) {
    communicator.id = id;
    std::ranges::sort(communicator.members, {}, [&](auto i) { return memberships[i].rank; });
  }
  return groups;
}

/// Joins what belongs together (union by root).
class Roots {
 public:
  explicit Roots(std::size_t count) : parents_(count) {
    std::iota(parents_.begin(), parents_.end(), 0U);
  }
  std::size_t of(std::size_t i) {
    while (parents_[i] != i) i = parents_[i] = parents_[parents_[i]];
    return i;
  }
  void join(std::size_t a, std::size_t b) {
    const auto of_a = of(a);
    const auto of_b = of(b);
    parents_[std::max(of_a, of_b)] = std::min(of_a, of_b);
  }

 private:
  std::vector<std::size_t> parents_;
};

}  // namespace

std::vector<int> missing_ranks(const Communicator& communicator,
                               const std::vector<Membership>& memberships) {
  std::set<int> heard;
  std::set<int> expected;
  for (const auto index : communicator.members) {
    heard.insert(memberships[index].rank);
    for (const auto& [kind, use] : memberships[index].channels) {
      if (communicator.ranks == 0 || kind.peer < communicator.ranks) expected.insert(kind.peer);
    }
  }
  const auto enough = static_cast<int>(heard.size()) + kMostMissing;
  for (int rank = 0; rank < std::min(communicator.ranks, enough); ++rank) expected.insert(rank);
  std::vector<int> missing;
  std::ranges::set_difference(expected, heard, std::back_inserter(missing));
  return missing;
}

std::vector<Job> settle(const std::vector<Process>& processes,
                        std::vector<Membership>& memberships) {
  for (std::size_t i = 0; i < processes.size(); ++i) {
    adopt_channels(processes[i], memberships);
    adopt_network(processes[i], memberships);
    if (!processes[i].memberships.empty()) continue;
    auto& silent = memberships.emplace_back();
    silent.process = i;
    if (!processes[i].networks.empty()) silent.network = processes[i].networks.front();
  }
  auto groups = group(memberships);
  Roots roots(processes.size());
  for (const auto& [id, communicator] : groups) {
    for (const auto index : communicator.members) {
      roots.join(memberships[communicator.members.front()].process, memberships[index].process);
    }
  }
  std::map<std::size_t, Job> jobs;
  for (std::size_t i = 0; i < processes.size(); ++i) jobs[roots.of(i)].processes.push_back(i);
  for (auto& [id, communicator] : groups) {
    auto& job = jobs[roots.of(memberships[communicator.members.front()].process)];
    job.communicators.push_back(std::move(communicator));
  }
  std::vector<Job> all;
  all.reserve(jobs.size());
  for (auto& [root, job] : jobs) all.push_back(std::move(job));
  return all;
}

}  // namespace wiretax
