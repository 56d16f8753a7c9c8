#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace wiretax::bench {

/// The two ranks of a measurement; kNobody for a rank that belongs to none.
struct RankPair {
  int from = kNobody;
  int to = kNobody;

  static constexpr int kNobody = -1;
  [[nodiscard]] bool has(int rank) const { return rank == from || rank == to; }
  [[nodiscard]] RankPair reversed() const { return {to, from}; }
  bool operator==(const RankPair&) const = default;
};

/// Pairs that are at work at once.
using Round = std::vector<RankPair>;

/// Every pair of ranks once, in rounds in which each rank has at most one partner (the circle
/// method of tournaments): n-1 rounds for even n, n for odd n. The lower rank comes first.
std::vector<Round> round_robin(int ranks);

/// The same pairs in rounds in which no two share a machine, and so a port. `machines`: of every
/// rank, any name.
std::vector<Round> apart(const std::vector<Round>& rounds,
                         const std::vector<std::string>& machines);

/// A rank's pair in a round, and which of the round's it is.
struct Seat {
  RankPair pair;
  int index = 0;
};
Seat seat_of(const Round& round, int rank);

}  // namespace wiretax::bench
