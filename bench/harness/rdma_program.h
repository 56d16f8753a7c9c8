#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/harness/program.h"
#include "bench/harness/rdma_fabric.h"
#include "bench/harness/rdma_wire.h"
#include "bench/harness/round_robin.h"

namespace wiretax::bench {

/// What wiretax-rdma and wiretax-links share: their devices and queues, and the links between
/// ranks, each confirmed by a write.
class RdmaProgram : public Program {
 public:
  void add_options(CLI::App& app) override;
  void set_up(Session& session) override;
  [[nodiscard]] std::optional<std::string> missing(const Session& session) const override;
  [[nodiscard]] int groups(const Session& session) const override;

 protected:
  /// Collective, and all that a program needs to know the hardware behind TCP's links.
  void find_links(Session& session);

  [[nodiscard]] const RdmaLinks& links() const { return fabric_.links(); }
  [[nodiscard]] const std::vector<Round>& rounds() const { return rounds_; }
  [[nodiscard]] std::uint32_t queue_pairs() const { return queue_pairs_; }
  [[nodiscard]] std::uint32_t depth() const { return depth_; }
  [[nodiscard]] const RdmaFabric& fabric() const { return fabric_; }

  /// Collective. Throws Failure before anything is measured where a device of this rank's links has
  /// less room than one of these wants.
  void refuse_impossible(Session& session, const std::vector<RdmaSettings>& wanted) const;

 private:
  RdmaFabric fabric_;
  std::uint32_t queue_pairs_ = 1;
  std::uint32_t depth_ = 128;
  std::vector<Round> rounds_;
};

}  // namespace wiretax::bench
