#include "bench/harness/tcp_links_body.h"

#include <algorithm>
#include <span>
#include <utility>

#include "bench/harness/clock.h"

namespace wiretax::bench {

TcpLinksBody::TcpLinksBody(const StreamPair& pair, int pair_index, int rank,
                           std::vector<Descriptor> streams, std::vector<verbs::Port> ports,
                           Waiting waiting, std::uint64_t bytes, std::vector<int> cores)
    : BandwidthBody(pair, pair_index, rank, std::move(streams), waiting, bytes, std::move(cores)),
      ports_(std::move(ports)),
      streams_of_each_(ports_.empty() ? 0 : BandwidthBody::streams().size() / ports_.size()) {
  for (std::size_t i = 0; i < ports_.size(); ++i) before_.push_back(counters_of(i));
  together_.links.resize(ports_.size());
}

void TcpLinksBody::run(std::uint64_t n) {
  const double begin_s = now_s();
  BandwidthBody::run(n * kBlocks);
  if (idle() || sends()) return;
  std::vector<LinksTogether::Window> windows;
  for (std::size_t link = 0; link < ports_.size(); ++link) {
    // A link that got nothing was at work for no time.
    LinksTogether::Window window = {begin_s, begin_s};
    double before = 0;  // what came first was on its way before
    bool any = false;
    for (const auto& share :
         std::span(shares()).subspan(link * streams_of_each_, streams_of_each_)) {
      if (share.bytes == 0) continue;
      if (!std::exchange(any, true) || share.first_s < window.first_s) {
        window.first_s = share.first_s;
        before = static_cast<double>(share.first_bytes);
      }
      window.last_s = std::max(window.last_s, share.last_s);
      window.bytes += static_cast<double>(share.bytes);
    }
    together_.links[link].bytes += window.bytes;
    window.bytes -= before;
    windows.push_back(window);
  }
  together_.add_batch(windows);
}

std::string TcpLinksBody::evidence() {
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    together_.links[i].port = ports_[i].netdev;
    together_.links[i].growth = verbs::growth(before_[i], counters_of(i));
    together_.links[i].tells_losses = before_[i].contains(kRetransmits);
  }
  return encode(together_);
}

verbs::Counters TcpLinksBody::counters_of(std::size_t link) const {
  auto counters = verbs::read_counters(ports_[link]);
  std::uint64_t retransmits = 0;
  for (const auto& stream :
       std::span(streams()).subspan(link * streams_of_each_, streams_of_each_)) {
    const auto facts = tcp_facts(stream);
    if (!facts) return counters;
    retransmits += facts->retransmits;
  }
  counters[kRetransmits] = retransmits;
  return counters;
}

}  // namespace wiretax::bench
