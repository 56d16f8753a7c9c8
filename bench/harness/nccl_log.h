#pragma once

#include <string>
#include <vector>

#include "report/transport/judge.h"

namespace wiretax::bench {

/// NCCL's log of this process, kept in memory, where nobody has to clear it away.
class NcclLogFile {
 public:
  /// Before NCCL is loaded: sets NCCL_DEBUG and its like. `everything`: also what it decides for
  /// each operation, which costs time. Throws Failure.
  explicit NcclLogFile(bool everything);
  ~NcclLogFile();
  NcclLogFile(const NcclLogFile&) = delete;
  NcclLogFile& operator=(const NcclLogFile&) = delete;

  /// What it has said so far, in whole lines; the first MiBs, if it is long.
  [[nodiscard]] std::string text() const;

 private:
  int file_ = -1;
};

/// What the logs of all ranks prove; `names` in the same order.
TransportReport judge_logs(const std::vector<std::string>& logs,
                           const std::vector<std::string>& names);

/// The faults that a log shows, with their fixes, as one line; empty without one.
std::string faults_of(const TransportReport& report);

}  // namespace wiretax::bench
