#include "report/transport/wire_bytes.h"

#include <gmock/gmock.h>

namespace wiretax {
namespace {

using testing::HasSubstr;
using testing::Optional;

TEST(WireBytes, OfAllRanksAreWhatNoAlgorithmGetsBelow) {
  EXPECT_EQ(least_wire_bytes("all_reduce", 10240, 2, false), 2 * 10240);
  EXPECT_EQ(least_wire_bytes("all_reduce", 10240, 4, false), 6 * 10240);
  EXPECT_EQ(least_wire_bytes("all_gather", 10240, 2, false), 10240);
  EXPECT_EQ(least_wire_bytes("reduce_scatter", 10240, 4, false), 3 * 10240);
  EXPECT_EQ(least_wire_bytes("all_to_all", 10240, 2, false), 10240);
  EXPECT_EQ(least_wire_bytes("broadcast", 10240, 3, false), 2 * 10240);
  EXPECT_EQ(least_wire_bytes("send_recv", 10240, 4, false), 10240);
  EXPECT_EQ(least_wire_bytes("send_recv", 10240, 4, true), 4 * 10240);
}

TEST(WireBytes, ThatAreMissingWentAnotherWay) {
  EXPECT_THAT(odd_wire_bytes(1e6, 1e4, 10240), Optional(HasSubstr("only 1 % of the bytes")));
  EXPECT_THAT(odd_wire_bytes(1e6, 0, 1 << 20), Optional(HasSubstr("something else carried")));
}

TEST(WireBytes, ThatAreTwiceAsManyAreNcclsProtocol) {
  EXPECT_EQ(odd_wire_bytes(1e6, 1e6, 1 << 20), std::nullopt);
  EXPECT_EQ(odd_wire_bytes(1e6, 2.2e6, 1 << 20), std::nullopt);
  EXPECT_THAT(odd_wire_bytes(1e6, 2.6e6, 1 << 20), Optional(HasSubstr("2.6 times the bytes")));
}

TEST(WireBytes, OfSmallMessagesAreMostlyHeaders) {
  EXPECT_EQ(odd_wire_bytes(8e3, 1e6, 8), std::nullopt);
  EXPECT_EQ(odd_wire_bytes(8e3, 0, 8), std::nullopt);
  EXPECT_EQ(odd_wire_bytes(1e6, 9e6, 8192), std::nullopt);
}

TEST(WireBytes, OfUnknownWorkProveNothing) {
  EXPECT_EQ(odd_wire_bytes(0, 1e6, 1 << 20), std::nullopt);
}

}  // namespace
}  // namespace wiretax
