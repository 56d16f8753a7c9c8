#include "collectives/collective.h"

#include <gmock/gmock.h>

#include <set>
#include <vector>

#include "collectives/backend.h"

namespace wiretax::collectives {
namespace {

TEST(Collectives, BusFactorsAreThoseOfNcclTests) {
  EXPECT_DOUBLE_EQ(describe(Operation::kAllReduce).bus_factor(2), 1);
  EXPECT_DOUBLE_EQ(describe(Operation::kAllReduce).bus_factor(8), 1.75);
  EXPECT_DOUBLE_EQ(describe(Operation::kAllGather).bus_factor(2), 0.5);
  EXPECT_DOUBLE_EQ(describe(Operation::kReduceScatter).bus_factor(4), 0.75);
  EXPECT_DOUBLE_EQ(describe(Operation::kAllToAll).bus_factor(4), 0.75);
  EXPECT_DOUBLE_EQ(describe(Operation::kBroadcast).bus_factor(4), 1);
  EXPECT_DOUBLE_EQ(describe(Operation::kSendRecv).bus_factor(4), 1);
}

TEST(Collectives, SizesAreThoseOfNcclTests) {
  EXPECT_EQ(describe(Operation::kAllGather).send_elements(100, 4), 25U);
  EXPECT_EQ(describe(Operation::kAllGather).receive_elements(100, 4), 100U);
  EXPECT_EQ(describe(Operation::kReduceScatter).send_elements(100, 4), 100U);
  EXPECT_EQ(describe(Operation::kReduceScatter).receive_elements(100, 4), 25U);
}

TEST(Collectives, NamesAreFound) {
  EXPECT_EQ(find_operation("all_to_all"), Operation::kAllToAll);
  EXPECT_FALSE(find_operation("allreduce"));
}

TEST(TestData, DependsOnRankElementAndCall) {
  std::set<std::vector<float>> distinct;
  for (const std::uint64_t rank : {0U, 1U}) {
    for (const std::uint64_t call : {0U, 1U}) {
      std::vector<float> values;
      for (std::uint64_t i = 0; i < 64; ++i) values.push_back(test_value(rank, i, call, 2));
      distinct.insert(values);
    }
  }
  EXPECT_EQ(distinct.size(), 4U);
}

TEST(TestData, SumsOverAllRanksAreExactInBfloat16) {
  for (const std::uint64_t ranks : {2U, 3U, 8U, 256U}) {
    for (std::uint64_t i = 0; i < 1000; ++i) {
      const float sum = expected_value(Operation::kAllReduce, 0, i, 1000, 7, ranks);
      EXPECT_LE(sum, 256);
      EXPECT_EQ(sum, static_cast<float>(static_cast<int>(sum)));
    }
  }
}

TEST(Verify, NamesTheElementThatIsWrong) {
  const Request request = {
      .operation = Operation::kAllReduce, .type = ElementType::kBfloat16, .bytes = 64};
  std::vector<std::byte> output(64);
  for (std::uint64_t i = 0; i < 32; ++i) {
    store(request.type, output.data(), i, expected_value(Operation::kAllReduce, 0, i, 32, 0, 2));
  }
  EXPECT_NO_THROW(verify_output(request, output.data(), 0, 0, 2));
  store(request.type, output.data(), 17, 1000);
  try {
    verify_output(request, output.data(), 0, 0, 2);
    FAIL() << "wrong data was accepted";
  } catch (const DataMismatch& mismatch) {
    EXPECT_THAT(mismatch.what(), ::testing::HasSubstr("element 17 is 1000"));
  }
}

}  // namespace
}  // namespace wiretax::collectives
