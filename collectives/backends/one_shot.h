#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "collectives/backend.h"
#include "verbs/buffer.h"
#include "verbs/port.h"
#include "verbs/queue_pair.h"

namespace wiretax::collectives {

/// The ranks of a group, and the links between them.
struct OneShotGroup {
  struct Link {
    verbs::Port port;  // this rank's end
    verbs::WantedIpv4 ipv4 = verbs::kAnyIpv4;
  };

  int rank = 0;
  int ranks = 1;
  std::vector<std::string> names;        // "rank 1 (spark-02)", by rank, for messages
  std::vector<std::vector<Link>> links;  // by peer, in the same order at both ends; none to itself
  /// Every rank's text, by rank. Collective.
  std::function<std::vector<std::string>(const std::string&)> all_gather;
  verbs::Memory memory = verbs::Memory::kHost;
  std::shared_ptr<const verbs::Cuda> cuda = nullptr;
  std::function<double()> now_s;                          // the clock
  double patience_s = 4;                                  // so long nothing may arrive
  std::uint8_t ack_timeout = verbs::Endurance::kTimeout;  // an exponent
};

/// The floor below every library: a rank writes its data into a slot of every peer's memory and a
/// flag behind it on the same queue pair; the peer sees the flag and adds up. One network latency,
/// no rendezvous, no copy but the sum. Large messages are split over all links of a pair.
class OneShotBackend : public Backend {
 public:
  static constexpr int kMostRanks = 8;

  /// Throws std::invalid_argument with the limit for a group it cannot serve.
  explicit OneShotBackend(OneShotGroup group);

  [[nodiscard]] std::string_view name() const override { return "one_shot"; }
  /// Memory that a task of so many ranks takes on one of them.
  [[nodiscard]] static std::uint64_t memory_bytes(const Request& request, int ranks);
  /// Where one rank cannot, all throw what it has to say.
  std::unique_ptr<Task> prepare(const Request& request) override;

 private:
  OneShotGroup group_;
};

}  // namespace wiretax::collectives
