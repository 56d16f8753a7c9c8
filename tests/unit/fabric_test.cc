#include "report/fabric.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/catalogue.h"

namespace wiretax {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Record row(const std::string& name, double time_us, double ranks = 2) {
  auto record = parse_name(name);
  record.time_s = time_us * 1e-6;
  record.counters = {{"bytes", std::stod(std::string(record.key("bytes")))}, {"ranks", ranks}};
  return record;
}

ResultFile file(const std::string& fabric, const std::string& kind, std::vector<Record> records) {
  ResultFile result;
  result.path = "collectives.json";
  result.context = {
      {"wiretax_fabric", fabric}, {"wiretax_fabric_kind", kind}, {"wiretax_status", "complete"}};
  result.records = std::move(records);
  return result;
}

Fabrics fabrics(const std::vector<ResultFile>& files, std::uint64_t ranks = 2) {
  return fabrics_of(files, ranks);
}

TEST(Fabric, ChainedRowsOfThatManyRanksMakeTheCurves) {
  const auto found = fabrics({file(
      "mpi lo", "loopback",
      {row("all_reduce/timing:chained/bytes:8", 1), row("all_reduce/timing:isolated/bytes:16", 9),
       row("all_reduce/timing:chained/bytes:32", 9, 3),
       row("all_gather/timing:chained/bytes:64", 4), row("send_recv/timing:chained/bytes:8", 2),
       row("send_recv/pattern:ring/timing:chained/bytes:16", 9),
       row("broadcast/timing:chained/bytes:8", 9)})});
  ASSERT_EQ(found.usable.size(), 1U);
  const auto& fabric = found.usable.front();
  EXPECT_EQ(fabric.name, "mpi lo");
  EXPECT_EQ(fabric.kind, FabricKind::kLoopback);
  EXPECT_FALSE(fabric.decides());
  EXPECT_EQ(fabric.all_reduce.points().size(), 1U);
  EXPECT_EQ(fabric.all_gather.points().size(), 1U);
  EXPECT_EQ(fabric.send_recv.points().size(), 1U);
  EXPECT_THAT(fabric.notes, IsEmpty());
}

TEST(Fabric, RanksThatHadTheMachinesToThemselvesComeFirst) {
  auto doubted = row("all_reduce/timing:chained/among:0-1/bytes:8", 9);
  doubted.verdict = Verdict::kSuspect;
  const auto found = fabrics({file("mpi", "host_mpi",
                                   {doubted, row("all_reduce/timing:chained/among:0-1/bytes:16", 9),
                                    row("all_reduce/timing:chained/bytes:8", 1)})});
  const auto& fabric = found.usable.front();
  EXPECT_EQ(fabric.all_reduce.points().size(), 1U);
  EXPECT_DOUBLE_EQ(fabric.all_reduce.at(8).time_s, 1e-6);
  EXPECT_THAT(fabric.notes, IsEmpty());
}

TEST(Fabric, WhatWasSkippedIsSaid) {
  auto skipped = row("all_reduce/timing:chained/bytes:8", 0, 0);
  skipped.verdict = Verdict::kSkipped;
  skipped.reason = "no driver";
  EXPECT_THAT(fabrics({file("nccl", "engine", {skipped})}).notes,
              Contains("nccl: no chained all_reduce of 2 ranks, skipped: no driver"));
}

TEST(Fabric, TokensThatTookAnotherTimeThanTheirPriceAreNoted) {
  auto token = parse_name("token/backend:mpi/model:m");
  token.time_s = 300e-6;
  token.counters = {{"priced_us", 100}};
  const auto with = [&](double priced_us) {
    token.counters["priced_us"] = priced_us;
    return fabrics({file("mpi", "host_mpi", {row("all_reduce/timing:chained/bytes:8", 1), token})})
        .usable.front()
        .notes;
  };
  EXPECT_THAT(with(100), ElementsAre(HasSubstr("1 token that was sent took up to 3.00 times")));
  EXPECT_THAT(with(290), IsEmpty());
}

TEST(Fabric, ThePathIsThatOfTheContext) {
  auto measured = file("nccl", "engine", {row("all_reduce/timing:chained/bytes:8", 1)});
  EXPECT_EQ(fabrics({measured}).usable.front().path, FabricPath::kUnknown);
  measured.context["wiretax_fabric_path"] = "roce_one";
  EXPECT_EQ(fabrics({measured}).usable.front().path, FabricPath::kRoceOne);
  measured.context["wiretax_fabric_path"] = "pigeon";
  EXPECT_THROW(fabrics({measured}), InputError);
}

TEST(Fabric, Bfloat16OutOfPlaceIsPreferred) {
  const auto name = [](const char* type, const char* place) {
    return fmt::format("all_reduce/type:{}/place:{}/timing:chained/bytes:8", type, place);
  };
  const auto found = fabrics({file("f", "engine",
                                   {row(name("float32", "out"), 1), row(name("bfloat16", "in"), 2),
                                    row(name("bfloat16", "out"), 3)})});
  EXPECT_DOUBLE_EQ(found.usable.front().all_reduce.at(8).time_s, 3e-6);
  const auto other = fabrics({file("f", "engine", {row(name("float32", "out"), 1)})});
  EXPECT_THAT(other.usable.front().notes, Contains(HasSubstr("float32, not bfloat16")));
}

TEST(Fabric, SuspectPointsAreCarriedInvalidOnesLeftOut) {
  auto suspect = row("all_reduce/timing:chained/bytes:8", 1);
  suspect.verdict = Verdict::kSuspect;
  suspect.reason = "drifts";
  auto invalid = parse_name("all_reduce/timing:chained/bytes:16");
  invalid.verdict = Verdict::kInvalid;
  const auto found = fabrics({file("f", "host_mpi", {suspect, invalid})});
  const auto& fabric = found.usable.front();
  EXPECT_EQ(fabric.all_reduce.points().size(), 1U);
  EXPECT_THAT(fabric.notes, Contains("1 of 1 all_reduce points are suspect, among them: drifts"));
  EXPECT_THAT(fabric.notes, Contains("invalid points left out: 1"));
  EXPECT_FALSE(fabric.decides());
}

TEST(Fabric, FilesOfOneFabricAreJoinedAndUnfinishedOnesNoted) {
  auto second = file("f", "engine", {row("all_gather/timing:chained/bytes:8", 1)});
  second.context["wiretax_status"] = "running";
  const auto found =
      fabrics({file("f", "engine", {row("all_reduce/timing:chained/bytes:8", 1)}), second});
  ASSERT_EQ(found.usable.size(), 1U);
  EXPECT_FALSE(found.usable.front().all_gather.empty());
  EXPECT_THAT(found.usable.front().notes, Contains(HasSubstr("still running, or killed")));
}

TEST(Fabric, WithoutAllReduceOfThatManyRanksItSaysSo) {
  const auto found =
      fabrics({file("f", "engine", {row("all_reduce/timing:chained/bytes:8", 1, 3)})});
  EXPECT_THAT(found.usable, IsEmpty());
  EXPECT_THAT(found.notes,
              ElementsAre("f: no chained all_reduce of 2 ranks, but chained of 3 ranks "
                          "(--ranks says how many machines to decide for)"));
}

TEST(Fabric, AllOperationsHaveCurvesAndRanksThatDivideHaveTheirOwn) {
  const auto found = fabrics({file("f", "engine",
                                   {row("all_reduce/timing:chained/bytes:8", 4, 4),
                                    row("all_reduce/timing:chained/bytes:8", 2, 2),
                                    row("all_reduce/timing:chained/bytes:8", 3, 3),
                                    row("reduce_scatter/timing:chained/bytes:8", 5, 4),
                                    row("all_to_all/timing:chained/bytes:8", 6, 4),
                                    row("send_recv/timing:chained/bytes:8", 7, 2)})},
                             4);
  const auto& fabric = found.usable.front();
  EXPECT_DOUBLE_EQ(fabric.all_reduce.at(8).time_s, 4e-6);
  EXPECT_DOUBLE_EQ(fabric.reduce_scatter.at(8).time_s, 5e-6);
  EXPECT_DOUBLE_EQ(fabric.all_to_all.at(8).time_s, 6e-6);
  EXPECT_TRUE(fabric.send_recv.empty());
  ASSERT_EQ(fabric.fewer.size(), 1U);  // 3 do not divide 4
  EXPECT_DOUBLE_EQ(fabric.fewer.at(2).all_reduce.at(8).time_s, 2e-6);
  EXPECT_DOUBLE_EQ(fabric.fewer.at(2).send_recv.at(8).time_s, 7e-6);
}

TEST(Fabric, ProgramsWithoutAFabricArePassedOver) {
  EXPECT_THAT(fabrics({file("", "", {row("tcp_bandwidth/bytes:8", 1)})}).usable, IsEmpty());
}

TEST(Fabric, FilesWithoutCollectivesArePassedOverWhateverTheirNetworkIs) {
  const auto found = fabrics({file("tcp enp1s0f0np0", "host_tcp",
                                   {row("tcp_round_trip/from:0/to:1/bytes:64", 30),
                                    row("tcp_bandwidth/from:0/to:1/bytes:131072", 40)})});
  EXPECT_THAT(found.usable, IsEmpty());
}

TEST(FabricErrors, KindsThatAreUnknownOrContradictEachOther) {
  const std::vector<Record> rows = {row("all_reduce/timing:chained/bytes:8", 1)};
  EXPECT_THROW(fabrics({file("f", "carrier_pigeon", rows)}), InputError);
  EXPECT_THROW(fabrics({file("f", "engine", rows), file("f", "loopback", rows)}), InputError);
}

TEST(Fabric, APublishedTimeMayBeHalfAsLongAgain) {
  Fabric fabric;
  fabric.kind = FabricKind::kPublished;
  EXPECT_EQ(band_of(fabric, {2, {1, 4}, CurveRange::kMeasured}), (Band{2, 2, 3}));
  fabric.kind = FabricKind::kEngine;
  EXPECT_EQ(band_of(fabric, {2, {1, 4}, CurveRange::kMeasured}), (Band{1, 2, 4}));
}

TEST(Profile, TheSparkProfileHoldsThePublishedTimes) {
  const auto found = fabrics({find_profile("DGX-Spark-RoCE")});
  ASSERT_EQ(found.usable.size(), 1U);
  const auto& fabric = found.usable.front();
  EXPECT_EQ(fabric.kind, FabricKind::kPublished);
  EXPECT_TRUE(fabric.decides());
  EXPECT_DOUBLE_EQ(fabric.all_reduce.at(8192).time_s, 28e-6);
  EXPECT_DOUBLE_EQ(fabric.all_reduce.at(65536).time_s, 66e-6);
  EXPECT_NEAR(fabric.all_reduce.at(33'554'432).time_s, 33'554'432 / 16e9, 1e-9);
  EXPECT_NEAR(fabric.all_reduce.at(17'179'869'184).time_s, 17'179'869'184 / 22.16e9, 1e-6);
  EXPECT_THAT(fabric.notes, Contains(HasSubstr("2 of 6 all_reduce points are suspect")));
  EXPECT_THROW(find_profile("dgx-spark-tcp"), UnknownName);
}

}  // namespace
}  // namespace wiretax
