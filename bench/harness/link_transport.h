#pragma once

// What wiretax-links asks of RDMA and of TCP: which links there are between two ranks, and to send
// over one of them or over all at once.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/harness/links_together.h"
#include "bench/harness/program.h"
#include "bench/harness/rdma_links.h"
#include "bench/harness/rdma_wire.h"
#include "bench/harness/round_robin.h"
#include "bench/harness/tcp_links.h"
#include "verbs/bound.h"

namespace wiretax::bench {

/// Of the links between two ranks the one in this place, or all.
struct LinkChoice {
  std::size_t place = 0;
  bool all = false;
};

class LinkTransport {
 public:
  LinkTransport() = default;
  virtual ~LinkTransport() = default;
  LinkTransport(const LinkTransport&) = delete;
  LinkTransport& operator=(const LinkTransport&) = delete;

  /// "rdma" or "tcp".
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// What else the names of its points tell: "/streams:4".
  [[nodiscard]] virtual std::string suffix() const { return {}; }
  /// The most links that any two ranks have.
  [[nodiscard]] virtual std::size_t most() const = 0;
  [[nodiscard]] virtual std::vector<std::string> names(const RankPair& pair,
                                                       const LinkChoice& choice) const = 0;
  /// Why the links' numbers may mislead.
  [[nodiscard]] virtual std::vector<std::string> doubts(const RankPair& pair,
                                                        const LinkChoice& choice) const = 0;
  /// Payload per second, and the element that limits it, where that is known.
  [[nodiscard]] virtual std::optional<verbs::Bound> bound(const RankPair& pair,
                                                          const LinkChoice& choice) const = 0;

  /// Of one link, with messages of `bytes`: memory, and payload of one operation.
  [[nodiscard]] virtual std::uint64_t memory_bytes(std::uint64_t bytes) const = 0;
  [[nodiscard]] virtual std::uint64_t operation_bytes(std::uint64_t bytes) const = 0;
  /// Collective; every rank goes through as many links as any pair has. `seat` of this rank, with
  /// nobody in it where it only takes part in that. Throws AgreedFailure.
  [[nodiscard]] virtual std::unique_ptr<Body> open(Session& session, const Seat& seat,
                                                   const LinkChoice& choice,
                                                   std::uint64_t bytes) const = 0;

  /// Which of a pair's ranks knows what arrived when.
  [[nodiscard]] virtual int witness(const RankPair& pair) const = 0;
  /// Doubts, and the counter `retransmits`, for losses that one end of a link saw.
  virtual void add_losses(const LinksTogether::One& link, const std::string& rank,
                          Row& row) const = 0;
};

/// RDMA writes. The sender hears of every arrival.
class RdmaTransport : public LinkTransport {
 public:
  /// `settings` but for the size; of the depth only what a link needs is used. `links` outlives it.
  RdmaTransport(const RdmaLinks& links, RdmaSettings settings);

  /// What a link has for messages of this size.
  [[nodiscard]] RdmaSettings settings_for(std::uint64_t bytes) const;

  [[nodiscard]] std::string_view name() const override { return "rdma"; }
  [[nodiscard]] std::size_t most() const override { return links_.most(); }
  [[nodiscard]] std::vector<std::string> names(const RankPair& pair,
                                               const LinkChoice& choice) const override;
  [[nodiscard]] std::vector<std::string> doubts(const RankPair& pair,
                                                const LinkChoice& choice) const override;
  [[nodiscard]] std::optional<verbs::Bound> bound(const RankPair& pair,
                                                  const LinkChoice& choice) const override;
  [[nodiscard]] std::uint64_t memory_bytes(std::uint64_t bytes) const override;
  [[nodiscard]] std::uint64_t operation_bytes(std::uint64_t bytes) const override;
  [[nodiscard]] std::unique_ptr<Body> open(Session& session, const Seat& seat,
                                           const LinkChoice& choice,
                                           std::uint64_t bytes) const override;
  [[nodiscard]] int witness(const RankPair& pair) const override { return pair.from; }
  void add_losses(const LinksTogether::One& link, const std::string& rank, Row& row) const override;

 private:
  const RdmaLinks& links_;
  RdmaSettings settings_;
};

/// TCP streams. A sender is done when its last block is buffered, so the receiver is asked.
class TcpTransport : public LinkTransport {
 public:
  TcpTransport(TcpLinks links, std::size_t streams);

  [[nodiscard]] std::string_view name() const override { return "tcp"; }
  [[nodiscard]] std::string suffix() const override;
  [[nodiscard]] std::size_t most() const override { return links_.most(); }
  [[nodiscard]] std::vector<std::string> names(const RankPair& pair,
                                               const LinkChoice& choice) const override;
  /// TCP does not choose by GID, but packets of a crowded subnet leave by any of its ports.
  [[nodiscard]] std::vector<std::string> doubts(const RankPair& pair,
                                                const LinkChoice& choice) const override;
  [[nodiscard]] std::optional<verbs::Bound> bound(const RankPair& pair,
                                                  const LinkChoice& choice) const override;
  [[nodiscard]] std::uint64_t memory_bytes(std::uint64_t bytes) const override;
  [[nodiscard]] std::uint64_t operation_bytes(std::uint64_t bytes) const override;
  [[nodiscard]] std::unique_ptr<Body> open(Session& session, const Seat& seat,
                                           const LinkChoice& choice,
                                           std::uint64_t bytes) const override;
  [[nodiscard]] int witness(const RankPair& pair) const override { return pair.to; }
  void add_losses(const LinksTogether::One& link, const std::string& rank, Row& row) const override;

 private:
  TcpLinks links_;
  std::size_t streams_;
};

}  // namespace wiretax::bench
