#include "bench/harness/round_robin.h"

#include <algorithm>
#include <numeric>

namespace wiretax::bench {

std::vector<Round> round_robin(int ranks) {
  // With one rank alone there is still one pair, so that its points have names; it is skipped.
  const int seats = std::max(2, ranks + ranks % 2);
  std::vector<int> circle(static_cast<std::size_t>(seats));
  std::iota(circle.begin(), circle.end(), 0);
  std::vector<Round> rounds;
  for (int turn = 0; turn + 1 < seats; ++turn) {
    auto& round = rounds.emplace_back();
    for (std::size_t i = 0; i < circle.size() / 2; ++i) {
      const auto [low, high] = std::minmax(circle[i], circle[circle.size() - 1 - i]);
      if (high < std::max(2, ranks)) round.push_back({low, high});  // else the partner is a bye
    }
    std::ranges::sort(round, {}, &RankPair::from);
    std::rotate(circle.begin() + 1, circle.end() - 1, circle.end());
  }
  return rounds;
}

std::vector<Round> apart(const std::vector<Round>& rounds,
                         const std::vector<std::string>& machines) {
  const auto machine = [&](int rank) { return machines.at(static_cast<std::size_t>(rank)); };
  const auto meet = [&](const RankPair& a, const RankPair& b) {
    return machine(a.from) == machine(b.from) || machine(a.from) == machine(b.to) ||
           machine(a.to) == machine(b.from) || machine(a.to) == machine(b.to);
  };
  std::vector<Round> all;
  for (const auto& round : rounds) {
    const auto first = all.size();
    for (const auto& pair : round) {
      const auto free = std::find_if(
          all.begin() + static_cast<std::ptrdiff_t>(first), all.end(), [&](const Round& other) {
            return std::ranges::none_of(other, [&](const auto& its) { return meet(pair, its); });
          });
      if (free == all.end()) {
        all.push_back({pair});
      } else {
        free->push_back(pair);
      }
    }
  }
  return all;
}

Seat seat_of(const Round& round, int rank) {
  for (std::size_t i = 0; i < round.size(); ++i) {
    if (round[i].has(rank)) return {round[i], static_cast<int>(i)};
  }
  return {};
}

}  // namespace wiretax::bench
