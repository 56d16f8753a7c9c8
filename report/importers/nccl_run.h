#pragma once

// What nccl-tests' text and its JSON have in common. Not for users of the library.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "report/importers/builder.h"

namespace wiretax {

/// One run of one test: what stands above its rows.
struct NcclRun {
  std::string operation;    // as wiretax calls it; empty: not told
  std::uint64_t ranks = 0;  // 0: not told
  std::set<std::string, std::less<>> hosts;
  std::optional<bool> graph;
  std::uint64_t aggregated = 1;  // operations in one group
  bool options_told = false;     // -z and -a; else the two below are nccl-tests' defaults
  std::string timing = "pipelined";
  std::string across = "the mean over the ranks";  // what the times are, of several ranks
  bool noted = false;
};

/// One placement of one row, as printed: microseconds and GB/s.
struct NcclTime {
  double time_us = 0;
  double algbw = 0;
  double busbw = 0;
  std::optional<double> wrong;      // elements; newer versions
  std::optional<double> deviation;  // the largest; versions whose column is called error
  std::optional<double> min_us;     // -I: of single operations
  std::optional<double> max_us;
};

struct NcclRow {
  double bytes = 0;
  std::string type;
  std::string redop;
};

/// "all_to_all" of "alltoall_perf"; empty for what is no test of nccl-tests.
std::string nccl_operation(std::string_view program);

/// Makes records of rows and remembers what has to be said of them.
class NcclRecords {
 public:
  explicit NcclRecords(const ForeignText& source);

  ImportBuilder& builder() { return builder_; }
  /// Completes a run from the hints. Throws InputError, without a place, where something is
  /// missing or contradicts them.
  void complete(NcclRun& run) const;
  /// `place` is "out" or "in"; `where` is the row's place in the file, for errors.
  void add(NcclRun& run, const NcclRow& row, std::string_view place, const NcclTime& time);
  [[nodiscard]] ResultFile finish();

 private:
  std::string curve_of(const NcclRun& run, const NcclRow& row, std::string_view place);
  void note_run(NcclRun& run);
  void refuse_other_hosts(const NcclRun& run);

  const ForeignText& source_;
  ImportBuilder builder_;
  std::map<std::uint64_t, std::set<std::string, std::less<>>> hosts_;  // by ranks
  bool unchecked_ = false;
  bool ranks_missing_ = false;
  std::string ranks_in_rates_;  // where the rates tell what nobody said
};

}  // namespace wiretax
