#include "report/schedule.h"

#include <gmock/gmock.h>

#include <stdexcept>

#include "report/catalogue.h"

namespace wiretax {
namespace {

using testing::ElementsAre;

ScheduleStep step(const char* operation, std::uint64_t bytes, std::uint64_t count,
                  std::vector<int> ranks, const char* purpose) {
  return {operation, bytes, count, std::move(ranks), purpose};
}

constexpr const char* kLayers = "attention and FFN output of each layer";
constexpr const char* kHop = "hidden state and residual to the next stage";
constexpr const char* kArrival = "hidden state and residual on arrival";
constexpr const char* kBack = "sampled tokens back to the first stage";

TEST(Schedule, OfTwoTensorParallelRanks) {
  const auto model = find_model("Llama-3.1-8B");  // 32 layers, 4096 wide, 128256 words
  EXPECT_THAT(schedule_of(model, parse_split("tp2"), {8, 8}),
              ElementsAre(step("all_reduce", 65536, 1, {0, 1}, "embedding"),
                          step("all_reduce", 65536, 64, {0, 1}, kLayers),
                          step("all_gather", 8UL * 128256 * 2, 1, {0, 1}, "logits")));
}

TEST(Schedule, OfAPromptsChunkSamplesOneToken) {
  const auto model = find_model("Llama-3.1-8B");
  const auto schedule = schedule_of(model, parse_split("tp2"), {2048, 1});
  EXPECT_EQ(schedule.at(1).bytes, 2048U * 4096 * 2);
  EXPECT_EQ(schedule.at(2).bytes, 128256U * 2);
}

TEST(Schedule, OfTwoStages) {
  const auto model = find_model("Llama-3.1-8B");
  EXPECT_THAT(schedule_of(model, parse_split("pp2"), {1, 1}),
              ElementsAre(step("send_recv", 8192, 2, {0, 1}, kHop),
                          step("send_recv", 4, 1, {1, 0}, kBack)));
}

TEST(Schedule, OfTwoStagesOfTwoRanks) {
  const auto model = find_model("Llama-3.1-8B");
  EXPECT_THAT(
      schedule_of(model, parse_split("tp2pp2"), {1, 1}),
      ElementsAre(
          step("all_reduce", 8192, 1, {0, 1}, "embedding"),
          step("all_reduce", 8192, 32, {0, 1}, kLayers), step("send_recv", 4096, 2, {0, 2}, kHop),
          step("send_recv", 4096, 2, {1, 3}, kHop), step("all_gather", 8192, 2, {2, 3}, kArrival),
          step("all_reduce", 8192, 32, {2, 3}, kLayers),
          step("all_gather", 128256UL * 2, 1, {2, 3}, "logits"),
          step("send_recv", 4, 1, {2, 0}, kBack), step("send_recv", 4, 1, {3, 1}, kBack)));
}

TEST(Schedule, OfThreeStagesReturnsFromTheLast) {
  const auto model = find_model("Llama-3.1-8B");
  EXPECT_THAT(schedule_of(model, parse_split("pp3"), {1, 1}),
              ElementsAre(step("send_recv", 8192, 2, {0, 1}, kHop),
                          step("send_recv", 8192, 2, {1, 2}, kHop),
                          step("send_recv", 4, 1, {2, 0}, kBack)));
}

TEST(Schedule, SplitsByName) {
  EXPECT_EQ(parse_split("tp4"), (Split{4, 1}));
  EXPECT_EQ(parse_split("pp2"), (Split{1, 2}));
  EXPECT_EQ(parse_split("tp2pp3"), (Split{2, 3}));
  for (const auto* const name :
       {"", "tp", "tp1", "pp1", "tp2pp", "pp2tp2", "tp-2", "dp2", "tp2 "}) {
    EXPECT_THROW(parse_split(name), std::invalid_argument) << name;
  }
}

TEST(Schedule, RefusesAModelThatDoesNotDivide) {
  const auto model = find_model("Llama-3.1-8B");
  EXPECT_THROW(schedule_of(model, {3, 1}, {1, 1}), std::invalid_argument);   // 32 heads
  EXPECT_THROW(schedule_of(model, {1, 33}, {1, 1}), std::invalid_argument);  // 32 layers
  EXPECT_THROW(schedule_of(model, {2, 1}, {0, 0}), std::invalid_argument);
}

}  // namespace
}  // namespace wiretax
