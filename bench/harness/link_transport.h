#pragma once

// What wiretax-links asks of RDMA and of TCP: which links there are between two ranks, and to send
// over one of them or over all at once.

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

/// What links tell of themselves, whatever they carry: RdmaLinks or TcpLinks.
template <typename Links>
class TransportOver : public LinkTransport {
 public:
  [[nodiscard]] std::size_t most() const override { return links_.most(); }
  [[nodiscard]] std::vector<std::string> names(const RankPair& pair,
                                               const LinkChoice& choice) const override {
    std::vector<std::string> names;
    for (const auto* const link : chosen(pair, choice)) names.push_back(link->name);
    return names;
  }
  [[nodiscard]] std::vector<std::string> doubts(const RankPair& pair,
                                                const LinkChoice& choice) const override {
    std::vector<std::string> doubts;
    for (const auto* const link : chosen(pair, choice)) {
      if (!link->doubt.empty()) doubts.push_back(link->doubt);
    }
    return doubts;
  }
  [[nodiscard]] std::optional<verbs::Bound> bound(const RankPair& pair,
                                                  const LinkChoice& choice) const override {
    return bound_of(chosen(pair, choice));
  }

 protected:
  explicit TransportOver(const Links& links) : links_(links) {}

  [[nodiscard]] const Links& links() const { return links_; }
  /// The links between two ranks that are chosen; of nobody none.
  [[nodiscard]] auto chosen(const RankPair& pair, const LinkChoice& choice) const {
    std::vector<decltype(&links_.between(0, 0).front())> chosen;
    if (pair.from == RankPair::kNobody) return chosen;
    const auto& all = links_.between(pair.from, pair.to);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (choice.all || i == choice.place) chosen.push_back(&all[i]);
    }
    return chosen;
  }
  /// How many links every rank opens.
  [[nodiscard]] std::size_t count(const LinkChoice& choice) const {
    return choice.all ? most() : 1;
  }

 private:
  Links links_;
};

/// RDMA writes. The sender hears of every arrival.
class RdmaTransport : public TransportOver<RdmaLinks> {
 public:
  /// `settings` but for the size; of the depth only what a link needs is used.
  RdmaTransport(const RdmaLinks& links, RdmaSettings settings);

  /// What a link has for messages of this size.
  [[nodiscard]] RdmaSettings settings_for(std::uint64_t bytes) const;

  [[nodiscard]] std::string_view name() const override { return "rdma"; }
  [[nodiscard]] std::uint64_t memory_bytes(std::uint64_t bytes) const override;
  [[nodiscard]] std::uint64_t operation_bytes(std::uint64_t bytes) const override;
  [[nodiscard]] std::unique_ptr<Body> open(Session& session, const Seat& seat,
                                           const LinkChoice& choice,
                                           std::uint64_t bytes) const override;
  [[nodiscard]] int witness(const RankPair& pair) const override { return pair.from; }
  void add_losses(const LinksTogether::One& link, const std::string& rank, Row& row) const override;

 private:
  RdmaSettings settings_;
};

/// TCP streams. A sender is done when its last block is buffered, so the receiver is asked.
class TcpTransport : public TransportOver<TcpLinks> {
 public:
  TcpTransport(const TcpLinks& links, std::size_t streams);

  [[nodiscard]] std::string_view name() const override { return "tcp"; }
  [[nodiscard]] std::string suffix() const override;
  [[nodiscard]] std::uint64_t memory_bytes(std::uint64_t bytes) const override;
  [[nodiscard]] std::uint64_t operation_bytes(std::uint64_t bytes) const override;
  [[nodiscard]] std::unique_ptr<Body> open(Session& session, const Seat& seat,
                                           const LinkChoice& choice,
                                           std::uint64_t bytes) const override;
  [[nodiscard]] int witness(const RankPair& pair) const override { return pair.to; }
  void add_losses(const LinksTogether::One& link, const std::string& rank, Row& row) const override;

 private:
  std::size_t streams_;
};

}  // namespace wiretax::bench
