#include "bench/harness/gpu_facts.h"

#include <gmock/gmock.h>

namespace wiretax::bench {
namespace {

using testing::ElementsAre;
using testing::Eq;
using testing::IsEmpty;

TEST(FirstFree, DealsGpusThatAllRanksSeeByTheirOrder) {
  EXPECT_THAT(first_free({{"a", "b"}, {"a", "b"}}), ElementsAre(Eq(0), Eq(1)));
}

TEST(FirstFree, LeavesRanksTheGpuThatOnlyTheySee) {
  EXPECT_THAT(first_free({{"a"}, {"b"}}), ElementsAre(Eq(0), Eq(0)));
  EXPECT_THAT(first_free({{"b", "a"}, {"b", "a"}}), ElementsAre(Eq(0), Eq(1)));
}

TEST(FirstFree, LeavesNoneForRanksBeyondTheGpus) {
  EXPECT_THAT(first_free({{"a"}, {"a"}, {}}),
              ElementsAre(Eq(0), Eq(std::nullopt), Eq(std::nullopt)));
  EXPECT_THAT(first_free({}), IsEmpty());
}

}  // namespace
}  // namespace wiretax::bench
