#pragma once

#include <string>
#include <vector>

#include "report/transport/log.h"

namespace wiretax {

/// Ranks that talk to each other.
struct Communicator {
  std::string id;                    // commId, or how it was split; empty: the log does not name it
  int ranks = 0;                     // 0: not told
  std::vector<std::size_t> members;  // memberships, by rank
};

/// Processes that share communicators.
struct Job {
  std::vector<std::size_t> processes;
  std::vector<Communicator> communicators;
};

/// Gives channels and networks that stand apart in the log to the memberships they belong to, where
/// only one fits, and sorts all into jobs. A process that names no communicator gets a membership
/// of rank -1.
std::vector<Job> settle(const std::vector<Process>& processes,
                        std::vector<Membership>& memberships);

/// Ranks of which no line is there.
std::vector<int> missing_ranks(const Communicator& communicator,
                               const std::vector<Membership>& memberships);

}  // namespace wiretax
