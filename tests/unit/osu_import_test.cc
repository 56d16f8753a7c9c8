// The text of the OSU micro-benchmarks.

#include <string>

#include "imported.h"
#include "report/fabric.h"

namespace wiretax {
namespace {

using testing::Contains;
using testing::HasSubstr;

constexpr const char* kAllgather =
    "\n# OSU MPI Allgather Latency Test v7.4\n# Datatype: MPI_CHAR.\n"
    "# Size       Avg Latency(us)   Min Latency(us)   Max Latency(us)  Iterations        "
    "Validation\n"
    "4096                    20.00             18.00             22.00        1000              "
    "Pass\n"
    "8192                    30.00             28.00             32.00        1000              "
    "Fail\n";

constexpr const char* kNccl =
    "# OSU NCCL-CUDA Allreduce Latency Test v7.4\n# Size       Avg Latency(us)\n"
    "4096                    30.00\n65536                    80.00\n";

TEST(OsuImport, SizesPerRankBecomeTotals) {
  const auto file = imported(kAllgather, {.ranks = 4});
  ASSERT_EQ(file.records.size(), 2U);
  EXPECT_EQ(file.records[0].name, "all_gather/backend:mpi/type:int8/timing:isolated/bytes:16384");
  EXPECT_DOUBLE_EQ(file.records[0].time_s, 20e-6) << "the mean over the ranks";
  EXPECT_EQ(file.records[0].counter("slowest_rank_us"), 22);
  EXPECT_FALSE(file.records[0].counter("max_us")) << "of ranks, not of operations";
  EXPECT_EQ(file.records[1].verdict, Verdict::kInvalid);
  EXPECT_EQ(file.context_value("wiretax_fabric_kind"), "host_mpi");
  EXPECT_THAT(file.notes(), Contains(HasSubstr("totals of all ranks here")));
}

TEST(OsuImport, RanksAreNotGuessed) {
  EXPECT_THAT(refusal(kAllgather), HasSubstr("run.log:5: the file does not say how many ranks"));
}

TEST(OsuImport, HeadersThatNameFewerColumnsThanThereAre) {
  const auto file = imported(sample("osu-7.3-reduce.txt"), {.ranks = 192});
  ASSERT_EQ(file.records.size(), 2U);
  EXPECT_DOUBLE_EQ(file.records[0].time_s, 50.89e-6);
  EXPECT_EQ(file.records[0].counter("fastest_rank_us"), 18.27);
  EXPECT_THAT(file.notes(), Contains(HasSubstr("taken as mean, minimum, maximum")));
  EXPECT_THAT(file.notes(), Contains("messages in the memory of CUDA"));
  const auto wrong = replaced(sample("osu-7.3-reduce.txt"), "18.27", "58.27");
  EXPECT_THAT(refusal(wrong, {.ranks = 192}), HasSubstr("not between"));
}

TEST(OsuImport, NcclBehindABarrierMakesAFabricThatSaysSo) {
  const std::vector<ResultFile> files = {imported(kNccl, {.ranks = 2})};
  const auto fabrics = fabrics_of(files, 2);
  ASSERT_EQ(fabrics.usable.size(), 1U);
  EXPECT_TRUE(fabrics.usable[0].decides());
  EXPECT_THAT(fabrics.usable[0].notes, Contains(HasSubstr("timed isolated, not chained")));
}

TEST(OsuImport, PointToPointIsOneWayBetweenTwo) {
  const auto latency =
      imported("# OSU MPI Latency Test v5.6\n# Size          Latency (us)\n0 1.10\n8 1.20\n");
  EXPECT_EQ(only(latency).name, "send_recv/backend:mpi/timing:chained/bytes:8");
  EXPECT_EQ(only(latency).counter("ranks"), 2);
  const auto bandwidth =
      imported("# OSU MPI Bandwidth Test v5.6\n# Size      Bandwidth (MB/s)\n1048576 10000.00\n");
  EXPECT_NEAR(*only(bandwidth).counter("GBps"), 10, 1e-12) << "10^6 bytes";
  EXPECT_NEAR(only(bandwidth).time_s, 1048576 / 1e10, 1e-15);
  const auto both = imported(
      "# OSU MPI Bi-Directional Bandwidth Test v7.4\n# Datatype: MPI_CHAR.\n# Size      Bandwidth "
      "(MB/s)\n1048576 20000.00\n");
  EXPECT_EQ(only(both).key("ways"), "2");
  EXPECT_NEAR(only(both).time_s, 2 * 1048576 / 2e10, 1e-15);
}

TEST(OsuImport, PercentilesOfMeansAreNotOfOperations) {
  const auto file = imported(
      "# OSU MPI Broadcast Latency Test v7.4\n# Size       Avg Latency(us)     P50 Tail Lat(us)    "
      " "
      "P99 Tail Lat(us)\n64 2.00 1.90 2.40\n",
      {.ranks = 2});
  EXPECT_FALSE(only(file).counter("p99_us"));
}

TEST(OsuImport, WhatIsNotUnderstoodIsNamedWithItsLine) {
  EXPECT_THAT(refusal("# OSU MPI Iallreduce Latency Test v7.4\n"),
              HasSubstr("run.log:1: the test 'Iallreduce Latency'"));
  EXPECT_THAT(refusal("# OSU MPI Latency Test v7.4\n# Size Latency (ms)\n8 1.20\n"),
              HasSubstr("run.log:2: the column 'Latency (ms)'"));
  EXPECT_THAT(refusal("# OSU MPI Latency Test v7.4\n# Size Latency (us)\n8 1.20 3\n"),
              HasSubstr("run.log:3: 3 columns, where the header has 2"));
  EXPECT_THAT(refusal("# OSU MPI Latency Test v7.4\n# Size Latency (us)\n8 1.2x\n"),
              HasSubstr("'1.2x' is not a number"));
  EXPECT_THAT(refusal("# OSU MPI Latency Test v7.4\n8 1.20\n"),
              HasSubstr("a row above the header"));
  EXPECT_THAT(refusal("# OSU MPI Latency Test v7.4\n# Size\n8\n"),
              HasSubstr("run.log:2: a header that names neither times nor rates"));
  EXPECT_THAT(refusal(std::string(kNccl) + kAllgather, {.ranks = 2}),
              HasSubstr("import them apart"));
  const auto file =
      imported("# OSU MPI Latency Test v7.4\n# Size Latency (us)\n8 nan\n16 inf\n32 -1\n");
  for (const auto& record : file.records) EXPECT_EQ(record.verdict, Verdict::kInvalid);
}

}  // namespace
}  // namespace wiretax
