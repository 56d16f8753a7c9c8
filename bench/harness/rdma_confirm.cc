#include "bench/harness/rdma_confirm.h"

#include <fmt/format.h>

#include "bench/harness/rdma_bodies.h"

namespace wiretax::bench {
namespace {

constexpr std::uint64_t kBytes = 64;

void write_once(Session& session, const RankPair& pair, const RdmaLink& link) {
  const bool mine = pair.has(session.ranks.rank());
  RdmaLatencyBody body(
      RdmaWire::open(session.ranks, pair, mine ? &link : nullptr, {.bytes = kBytes, .depth = 1}),
      0);
  together(session.ranks, fmt::format("writing once over {}", link.name), [&] {
    try {
      body.check();
    } catch (...) {
      body.hang_up();
      throw;
    }
  });
}

}  // namespace

void confirm_links(Session& session, RdmaLinks& links, bool named) {
  for (int from = 0; from < session.ranks.size(); ++from) {
    for (int to = from + 1; to < session.ranks.size(); ++to) {
      for (std::size_t i = 0; i < links.between(from, to).size();) {
        try {
          write_once(session, {from, to}, links.between(from, to)[i]);
          ++i;
        } catch (const AgreedFailure& failure) {
          // Memory that is refused would be refused on every link, and wrong data is no dead cable.
          const bool dead =
              failure.code() == ExitCode::kPeer || failure.code() == ExitCode::kTimeout;
          if (named || session.ranks.lost() || !dead) throw;
          links.drop(from, to, i, failure.what());
        }
      }
    }
  }
}

}  // namespace wiretax::bench
