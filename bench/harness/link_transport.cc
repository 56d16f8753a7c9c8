#include "bench/harness/link_transport.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "bench/harness/rdma_bodies.h"
#include "bench/harness/rdma_links_body.h"
#include "bench/harness/rdma_record.h"
#include "bench/harness/tcp_links_body.h"
#include "report/units.h"

namespace wiretax::bench {
RdmaTransport::RdmaTransport(const RdmaLinks& links, RdmaSettings settings)
    : TransportOver(links), settings_(std::move(settings)) {}

std::uint64_t RdmaTransport::memory_bytes(std::uint64_t bytes) const {
  return 2 * bytes + kMebibyte;
}

std::uint64_t RdmaTransport::operation_bytes(std::uint64_t bytes) const {
  return RdmaLinksBody::messages(settings_for(bytes)) * bytes;
}

/// So much on its way that a link has always something to do, and not more: what is shared out to a
/// link is done by that link, and the others wait for its end. Software needs no more than a few
/// messages.
RdmaSettings RdmaTransport::settings_for(std::uint64_t bytes) const {
  constexpr std::uint64_t kOnTheWay = 2 * kMebibyte;
  constexpr std::uint64_t kOnTheWayEmulated = 256 * kKibibyte;
  const auto enough =
      (links().emulated() ? kOnTheWayEmulated : kOnTheWay) / bytes / settings_.queue_pairs;
  auto settings = settings_;
  settings.bytes = bytes;
  settings.depth =
      std::min(settings.depth, static_cast<std::uint32_t>(std::max<std::uint64_t>(2, enough)));
  settings.moderation = 1;
  return settings;
}

std::unique_ptr<Body> RdmaTransport::open(Session& session, const Seat& seat,
                                          const LinkChoice& choice, std::uint64_t bytes) const {
  const auto mine = chosen(seat.pair, choice);
  const auto settings = settings_for(bytes);
  std::vector<std::unique_ptr<RdmaBandwidthBody>> bodies;
  for (std::size_t i = 0; i < count(choice); ++i) {
    auto wire =
        RdmaWire::open(session.ranks, seat.pair, i < mine.size() ? mine[i] : nullptr, settings);
    if (wire) bodies.push_back(std::make_unique<RdmaBandwidthBody>(std::move(wire), seat.index));
  }
  return std::make_unique<RdmaLinksBody>(std::move(bodies), seat.index);
}

void RdmaTransport::add_losses(const LinksTogether::One& link, const std::string& rank,
                               Row& row) const {
  add_rdma_losses({link.port, link.growth, link.tells_losses}, rank, row);
}

TcpTransport::TcpTransport(const TcpLinks& links, std::size_t streams)
    : TransportOver(links), streams_(streams) {}

std::string TcpTransport::suffix() const { return fmt::format("/streams:{}", streams_); }

std::uint64_t TcpTransport::memory_bytes(std::uint64_t bytes) const {
  return bytes + streams_ * kTcpReadBuffer;
}

std::uint64_t TcpTransport::operation_bytes(std::uint64_t bytes) const {
  return TcpLinksBody::kBlocks * streams_ * bytes;
}

std::unique_ptr<Body> TcpTransport::open(Session& session, const Seat& seat,
                                         const LinkChoice& choice, std::uint64_t bytes) const {
  const int rank = session.ranks.rank();
  const auto mine = chosen(seat.pair, choice);
  std::vector<Descriptor> streams;
  std::vector<verbs::Port> ports;
  for (std::size_t i = 0; i < count(choice); ++i) {
    StreamPair ends;
    if (i < mine.size()) {
      ends = {seat.pair, mine[i]->from.address, mine[i]->to.address};
      ports.push_back(mine[i]->port_of(rank == seat.pair.from));
    }
    std::ranges::move(open_streams(session.ranks, ends, streams_), std::back_inserter(streams));
  }
  const StreamPair ends = mine.empty() ? StreamPair{} : StreamPair{seat.pair};
  return std::make_unique<TcpLinksBody>(ends, seat.index, rank, std::move(streams),
                                        std::move(ports), Waiting::kBlocking, bytes,
                                        session.placement.cores);
}

void TcpTransport::add_losses(const LinksTogether::One& link, const std::string& rank,
                              Row& row) const {
  if (link.tells_losses) row.counters["retransmits"] += 0;
  const auto found = link.growth.find(TcpLinksBody::kRetransmits);
  if (found == link.growth.end()) return;
  row.counters["retransmits"] += static_cast<double>(found->second);
  row.doubts.push_back(fmt::format("{} segment{} sent again on {} of {}", found->second,
                                   found->second > 1 ? "s" : "", link.port, rank));
}

}  // namespace wiretax::bench
