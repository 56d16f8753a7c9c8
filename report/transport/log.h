#pragma once

#include <cstdint>
#include <istream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "report/transport/log_line.h"
#include "report/transport/log_state.h"

namespace wiretax {

/// Reads logs of NCCL in one pass: one file a rank, or all in one, in any mixture.
class NcclLog {
 public:
  /// Reads to the end. `name` is what the evidence calls it. A last line without its end may be
  /// half of one, and is left out. Throws InputError where reading fails.
  void read(std::istream& stream, std::string name);

  [[nodiscard]] const std::vector<Process>& processes() const { return processes_; }
  [[nodiscard]] const std::vector<Membership>& memberships() const { return memberships_; }
  [[nodiscard]] const std::vector<std::string>& files() const { return files_; }
  /// Of "NCCL version 2.28.9+cuda13.0", which most versions print once, without saying who speaks.
  [[nodiscard]] const std::set<std::string>& versions() const { return versions_; }
  [[nodiscard]] std::uint64_t lines() const { return lines_; }
  [[nodiscard]] std::uint64_t nccl_lines() const { return nccl_lines_; }
  [[nodiscard]] std::uint64_t info_lines() const { return info_lines_; }

 private:
  friend class Messages;

  /// Where in the run of a thread we are: NCCL names the network before the communicator.
  struct Thread {
    std::size_t process = 0;
    int membership = -1;
    int network = -1;  // of the process's, not yet of a membership
  };
  using ThreadKey = std::pair<std::size_t, std::uint64_t>;

  void take(std::string_view line);
  [[nodiscard]] bool starts_again(const LogLine& line) const;
  Thread& thread_of(const Speaker& speaker);
  std::size_t process_of(const Speaker& speaker);
  [[nodiscard]] Evidence evidence() const;

  std::vector<Process> processes_;
  std::vector<Membership> memberships_;
  std::vector<std::string> files_;
  std::map<std::pair<std::string, std::uint64_t>, std::size_t> process_index_;
  std::map<ThreadKey, Thread> threads_;
  std::map<std::pair<std::size_t, std::string>, std::size_t> handles_;  // latest use of a pointer
  std::set<std::string> versions_;
  std::string_view line_;
  std::string unwrapped_;
  std::uint64_t line_number_ = 0;
  std::uint64_t lines_ = 0;
  std::uint64_t nccl_lines_ = 0;
  std::uint64_t info_lines_ = 0;
};

}  // namespace wiretax
