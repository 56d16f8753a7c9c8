#pragma once

#include <string>
#include <vector>

namespace wiretax::bench {

/// Cores for this rank's threads, best first, as the operating system numbers them.
struct Placement {
  std::vector<int> cores;  // empty: not placed
  std::string note;        // why not placed, or what was shared
  std::string hindrance;   // that threads share cores, if they do
};

/// Chooses among the cores this process may use: the fastest kind first (by maximum frequency; a
/// GB10 has ten fast and ten slow ones), near `device` (an interface or RDMA device name, or "")
/// before far, one hardware thread of each core. Ranks of the same host take turns, so that rank i
/// of m gets every m-th. `wanted` cores given by --cpu win over all that.
Placement place(const std::vector<int>& wanted, int local_rank, int local_ranks,
                const std::string& device);

/// Lets the calling thread run on every core that the process had when place() was first called.
void release_thread();

/// Binds the calling thread to one core. Throws Failure(kEnvironment) where that core may not be
/// used.
void bind_thread(int core);

}  // namespace wiretax::bench
