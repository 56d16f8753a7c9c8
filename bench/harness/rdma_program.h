#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/harness/program.h"
#include "bench/harness/rdma_links.h"
#include "verbs/buffer.h"
#include "verbs/counters.h"

namespace wiretax::bench {

/// What wiretax-rdma and wiretax-links share: their devices and queues, the links between ranks,
/// each confirmed by a write, and what the counters say of loss.
class RdmaProgram : public Program {
 public:
  void add_options(CLI::App& app) override;
  void set_up(Session& session) override;
  [[nodiscard]] std::optional<std::string> missing(const Session& session) const override;
  [[nodiscard]] int groups(const Session& session) const override;

 protected:
  using Round = std::vector<std::pair<int, int>>;

  [[nodiscard]] const RdmaLinks& links() const { return *links_; }
  [[nodiscard]] const std::vector<Round>& rounds() const { return rounds_; }
  [[nodiscard]] std::uint32_t queue_pairs() const { return queue_pairs_; }
  [[nodiscard]] std::uint32_t depth() const { return depth_; }
  [[nodiscard]] verbs::Memory memory() const { return memory_; }
  [[nodiscard]] const std::shared_ptr<const verbs::Cuda>& cuda() const { return cuda_; }

  /// Puts into the result file what limits a link, or several with their names joined by '+'.
  static void add_limit(Session& session, const std::string& link,
                        const std::optional<verbs::Bound>& bound);
  /// Doubts, and the counter `retransmits`, for what grew on a rank's port that means loss.
  static void add_losses(const std::string& port, const verbs::Counters& growth,
                         const std::string& rank, Row& row);

 private:
  void choose_memory(Session& session);

  std::vector<std::string> devices_;
  std::uint32_t queue_pairs_ = 1;
  std::uint32_t depth_ = 128;
  std::string wanted_memory_ = "auto";
  verbs::Memory memory_ = verbs::Memory::kHost;
  std::shared_ptr<const verbs::Cuda> cuda_;
  std::optional<RdmaLinks> links_;
  std::vector<Round> rounds_;
};

}  // namespace wiretax::bench
