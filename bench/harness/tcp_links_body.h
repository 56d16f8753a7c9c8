#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/harness/links_together.h"
#include "bench/harness/tcp_bodies.h"
#include "verbs/port.h"

namespace wiretax::bench {

/// Streams over several links at once, which share the blocks of a batch, so that all links end
/// together, however fast each is. One operation is `kBlocks` blocks for each stream: long enough
/// for begin and end to matter little. The receiving rank sees what each link did.
class TcpLinksBody : public BandwidthBody {
 public:
  /// `streams`: the first link's, then the next one's, as many of each. `ports`: this rank's end of
  /// each link, of which only the interface need be known.
  TcpLinksBody(const StreamPair& pair, int pair_index, int rank, std::vector<Descriptor> streams,
               std::vector<verbs::Port> ports, Waiting waiting, std::uint64_t bytes,
               std::vector<int> cores);

  static constexpr std::uint64_t kBlocks = 32;
  /// The counter, in what grew, of segments that were sent again.
  static constexpr const char* kRetransmits = "tcp_retransmits";

  void run(std::uint64_t n) override;
  void begin_measuring() override { together_.begin_measuring(); }
  std::string evidence() override;

 private:
  [[nodiscard]] verbs::Counters counters_of(std::size_t link) const;

  std::vector<verbs::Port> ports_;
  std::size_t streams_of_each_;
  std::vector<verbs::Counters> before_;
  LinksTogether together_;
};

}  // namespace wiretax::bench
