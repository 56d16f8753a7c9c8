// Groups that one_shot cannot serve, and where everything lies in its memory.

#include "collectives/backends/one_shot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "collectives/backends/one_shot_mesh.h"

namespace wiretax::collectives {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

OneShotGroup group_of(int ranks) {
  OneShotGroup group;
  group.ranks = ranks;
  group.links.resize(static_cast<std::size_t>(ranks));
  for (int rank = 0; rank < ranks; ++rank) group.names.push_back("rank " + std::to_string(rank));
  return group;
}

TEST(OneShot, TellsHowManyRanksItHasWindowsFor) {
  EXPECT_THAT([] { OneShotBackend backend(group_of(9)); },
              ThrowsMessage<std::invalid_argument>(HasSubstr(
                  "9 ranks, and one_shot has windows for 8: use fewer, or --backend mpi")));
}

TEST(OneShot, NamesTheRankThatItHasNoLinkTo) {
  auto group = group_of(3);
  group.links[1].resize(1);
  EXPECT_THAT([&] { OneShotBackend backend(group); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("no RDMA link to rank 2")));
}

TEST(OneShot, NothingInItsMemoryOverlaps) {
  constexpr std::size_t kOwn = 1000;
  constexpr std::size_t kMessage = 100;
  const Layout layout(kOwn, 4, 3, kMessage);
  std::set<std::pair<std::size_t, std::size_t>> places = {{0, kOwn}};
  constexpr std::size_t kWord = 8;
  for (std::size_t peer = 0; peer < 3; ++peer) {
    places.insert({layout.credit(peer), kWord});
    places.insert({layout.credit_source(peer), kWord});
    for (std::size_t window = 0; window < layout.windows(); ++window) {
      places.insert({layout.message(window, peer), kMessage});
      for (std::size_t link = 0; link < Layout::kMostLinks; ++link) {
        places.insert({layout.flag(window, peer, link), kWord});
        places.insert({layout.flag_source(window, peer, link), kWord});
      }
    }
  }
  std::size_t end = 0;
  for (const auto& [begin, bytes] : places) {
    EXPECT_GE(begin, end);
    EXPECT_EQ(begin % kWord, 0U);
    end = begin + bytes;
  }
  EXPECT_LE(end, layout.bytes());
  EXPECT_EQ(places.size(), 1U + 3 * (2 + 4 * (1 + 2 * Layout::kMostLinks)));
}

}  // namespace
}  // namespace wiretax::collectives
