#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "bench/harness/program.h"
#include "report/transport/judge.h"
#include "verbs/port.h"

namespace wiretax::bench {

/// What NCCL's messages went through, as its log says, and what the counters of that have seen.
class NcclWire {
 public:
  /// The ports of this host.
  void find_ports();
  /// Rank 0: what the log shows.
  void learn(const TransportReport& report);

  /// Reads this host's counters; what is returned reads them again and tells the growth, as JSON
  /// text.
  [[nodiscard]] std::function<std::string()> watch() const;
  /// Rank 0: what the host of a rank sent over what NCCL uses there, by such a text; nothing where
  /// nobody counts it. Losses become doubts of the row.
  std::optional<double> sent_by(const Session& session, int rank, const std::string& growth,
                                Row& row) const;

  /// Rank 0: its devices or interfaces.
  [[nodiscard]] std::set<std::string> devices() const;
  /// Rank 0: "tcp", or RDMA over one PCIe link or over several ("roce_one", "roce_both"), as
  /// report/fabric.h has it; empty where that is not known.
  [[nodiscard]] std::string path() const;

 private:
  std::map<std::string, verbs::Port> ports_;
  Transport transport_ = Transport::kInconclusive;
  std::map<int, std::set<std::string>> used_;  // devices by rank
};

}  // namespace wiretax::bench
