// nccl-tests' text and JSON.

#include <string>

#include "imported.h"
#include "report/fabric.h"

namespace wiretax {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::string two_sparks() { return sample("nccl-tests-2.19.6-two-sparks.txt"); }

TEST(NcclTestsImport, BothPlacementsOfEveryRow) {
  const auto file = imported(two_sparks());
  ASSERT_EQ(file.records.size(), 8U);
  const auto& out = file.records[0];
  EXPECT_EQ(out.name,
            "all_reduce/backend:nccl/launch:eager/type:float32/place:out/timing:pipelined/"
            "bytes:8192");
  EXPECT_DOUBLE_EQ(out.time_s, 35.20e-6);
  EXPECT_EQ(out.counter("ranks"), 2);
  EXPECT_EQ(out.counter("bus_GBps"), 0.23);
  EXPECT_EQ(file.records[1].key("place"), "in");
  EXPECT_DOUBLE_EQ(file.records[1].time_s, 30.30e-6);
  EXPECT_EQ(file.context_value("imported_from"), "nccl-tests");
  EXPECT_EQ(file.context_value("imported_version"), "2.19.6");
  EXPECT_EQ(file.context_value("wiretax_status"), "complete");
  EXPECT_THAT(std::string(file.context_value("transport")), HasSubstr("unknown"));
}

TEST(NcclTestsImport, ThePipelinedTimesMakeAFabricThatSaysSo) {
  const std::vector<ResultFile> files = {imported(two_sparks(), {.fabric = "cable"})};
  const auto fabrics = fabrics_of(files, 2);
  ASSERT_EQ(fabrics.usable.size(), 1U);
  const auto& fabric = fabrics.usable[0];
  EXPECT_EQ(fabric.name, "cable");
  EXPECT_TRUE(fabric.decides());
  EXPECT_EQ(fabric.path, FabricPath::kUnknown);
  EXPECT_DOUBLE_EQ(fabric.all_reduce.at(16384).time_s, 31.70e-6) << "out of place, as engines";
  EXPECT_THAT(fabric.notes, Contains(HasSubstr("timed pipelined, not chained")));
  EXPECT_THAT(fabric.notes, Contains(HasSubstr("back to back on one stream")));
  EXPECT_THAT(fabric.notes, Contains(HasSubstr("float32")));
}

TEST(NcclTestsImport, OldColumnsWantTheOperationAndTheRanks) {
  const auto text = sample("nccl-tests-old-columns.txt");
  EXPECT_THAT(refusal(text), HasSubstr("run.log:5: the file does not say which collective"));
  EXPECT_THAT(refusal(text, {.operation = "all_reduce"}),
              HasSubstr("--ranks N; busbw over algbw is that of 8"));
  EXPECT_THAT(refusal(text, {.ranks = 2, .operation = "all_reduce"}), HasSubstr("does not fit"));
  const auto file = imported(text, {.ranks = 8, .operation = "all_reduce"});
  EXPECT_EQ(file.records.size(), 4U) << "rows of 0 bytes are none";
  EXPECT_THAT(file.notes(), Contains("points of 0 bytes left out: 2"));
  EXPECT_THAT(file.notes(), Contains(HasSubstr("not checked")));
  EXPECT_EQ(file.records[0].key("launch"), "") << "not told";
}

TEST(NcclTestsImport, ABuildWithoutMpiIsFoundOut) {
  const auto text = refusal(sample("nccl-tests-without-mpi.txt"));
  EXPECT_THAT(text, HasSubstr("run.log:8: rank 0 is listed again (before at line 7)"));
  EXPECT_THAT(text, HasSubstr("make MPI=1"));
  // One job's whole output behind the other's: two runs of one rank.
  const std::string row =
      "#  Rank  1 Group  0 Pid   2345 on    spark-b device  0 [000f:01:00] NVIDIA GB10\n";
  const auto single = replaced(two_sparks(), row, "");
  const auto file = imported(single + single);
  EXPECT_THAT(file.notes(), Contains(HasSubstr("1 rank: nothing crosses a wire")));
  EXPECT_TRUE(fabrics_of(std::vector{file}, 2).usable.empty());
}

TEST(NcclTestsImport, RunsOnOtherHostsAreNoCurveTogether) {
  const auto one_host = replaced(two_sparks(), "on    spark-b", "on    spark-a");
  EXPECT_THAT(imported(one_host).notes(), Contains(HasSubstr("all 2 ranks are on one host")));
  EXPECT_THAT(
      refusal(two_sparks() + one_host),
      HasSubstr("this run of 2 ranks was on spark-a, and one before it on spark-a, spark-b: "
                "two networks"));
  EXPECT_EQ(imported(two_sparks() + two_sparks()).records.size(), 16U);
}

TEST(NcclTestsImport, WhatTheTextDoesNotTellIsNoFact) {
  const auto notes = imported(two_sparks()).notes();
  EXPECT_THAT(notes, Contains(HasSubstr("not told: how it synchronised (-z), and of which ranks")));
  EXPECT_THAT(notes, Not(Contains("the times are the mean over the ranks")));
  const auto told = imported(sample("nccl-tests-version-4.json")).notes();
  EXPECT_THAT(told, Contains("the times are the mean over the ranks"));
  EXPECT_THAT(told, Not(Contains(HasSubstr("not told: how"))));
}

TEST(NcclTestsImport, WrongDataAndTimesThatAreNoneHaveNoNumber) {
  const auto first = [](std::string_view cells) {
    return imported(replaced(two_sparks(), "35.20    0.23    0.23       0", cells)).records[0];
  };
  EXPECT_EQ(first("35.20    0.23    0.23       7").verdict, Verdict::kInvalid);
  EXPECT_EQ(first("35.20    0.23    0.23       7").reason, "7 wrong elements");
  for (const auto* const time : {"nan", "-nan", "inf", "0.00", "-3.00"}) {
    const auto record = first(std::string(time) + " 0.23 0.23 0");
    EXPECT_EQ(record.verdict, Verdict::kInvalid) << time;
    EXPECT_TRUE(record.counters.empty());
  }
  EXPECT_EQ(first("35.20    9.99    9.99       0").verdict, Verdict::kSuspect);
  EXPECT_EQ(first("35.20    0.23    0.50       0").verdict, Verdict::kSuspect);
  EXPECT_THAT(
      imported(replaced(two_sparks(), "35.20    0.23    0.23       0", "N/A N/A N/A N/A")).records,
      testing::SizeIs(7));
}

TEST(NcclTestsImport, WhatIsNotUnderstoodIsNamedWithItsLine) {
  const auto text = two_sparks();
  EXPECT_THAT(
      refusal(replaced(text, "algbw   busbw  #wrong     time", "algbw   gbps  #wrong     time")),
      HasSubstr("run.log:10: the column 'gbps' is not known"));
  EXPECT_THAT(refusal(replaced(text, "(us)", "(ms)")), HasSubstr("run.log:11: the unit '(ms)'"));
  EXPECT_THAT(refusal(replaced(text, "35.20", "35,20")), HasSubstr("run.log:12: '35,20'"));
  EXPECT_THAT(refusal(text.substr(0, text.find("30.30"))),
              HasSubstr("9 columns, where the header has 13: cut off"));
  EXPECT_THAT(refusal(replaced(text, "-1    31.70", "-1 host:1:1 [0] NCCL INFO 31.70")),
              HasSubstr("torn apart"));
  EXPECT_THAT(refusal(text, {.ranks = 4}), HasSubstr("--ranks 4, but the file lists 2"));
  const auto killed = imported(text.substr(0, text.find("# Out of bounds")));
  EXPECT_THAT(std::string(killed.context_value("wiretax_status")), HasSubstr("cut off"));
}

TEST(NcclTestsImport, PrefixesAndTimestampsAndPerIterationColumns) {
  std::string tagged;
  auto text = two_sparks();
  text = replaced(text, "#wrong     time", "#wrong i_min i_max i_p99 i_cv%    time");
  for (const auto* const row : {"0.23       0", "0.52       0", "0.83       0", "0.97       0"}) {
    text = replaced(text, row, std::string(row) + " 30.1 50.5 49.0 3.2");
  }
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = text.find('\n', begin);
    const auto line = text.substr(begin, end - begin);
    tagged += "[1,0]<stdout>:" + line +
              (line.find("sum") != std::string::npos ? " 2026-09-09 10:11:12\n" : "\n");
    begin = end + 1;
  }
  const auto file = imported(tagged);
  ASSERT_EQ(file.records.size(), 8U);
  EXPECT_EQ(file.records[0].counter("max_us"), 50.5);
  EXPECT_FALSE(file.records[1].counter("max_us"));
}

TEST(NcclTestsImport, AggregatedOperationsAreNoCurve) {
  const std::vector<ResultFile> files = {
      imported(replaced(two_sparks(), "agg iters: 1", "agg iters: 8"))};
  EXPECT_EQ(files[0].records[0].key("timing"), "aggregated");
  EXPECT_TRUE(fabrics_of(files, 2).usable.empty());
}

TEST(NcclTestsImport, SendRecvIsARingExchange) {
  auto text = replaced(two_sparks(), "# Collective test starting: all_reduce_perf",
                       "# Collective test starting: sendrecv_perf");
  text = replaced(text, "test concluded: all_reduce_perf", "test concluded: sendrecv_perf");
  EXPECT_EQ(imported(text).records[0].key("pattern"), "ring");
  EXPECT_EQ(imported(text).records[0].operation, "send_recv");
}

TEST(NcclTestsImport, CurvesThatFallAreNoted) {
  const auto notes =
      imported(replaced(two_sparks(), "39.60    0.83    0.83", "12.00    2.73    2.73")).notes();
  EXPECT_THAT(notes,
              Contains(HasSubstr("falls with size: 16 KiB takes 31.7 us, and 32 KiB only 12 us")));
}

TEST(NcclTestsImport, JsonOfVersionFour) {
  const auto file = imported(sample("nccl-tests-version-4.json"));
  ASSERT_EQ(file.records.size(), 4U);
  EXPECT_EQ(file.records[0].name,
            "all_gather/backend:nccl/launch:graph/type:bfloat16/place:out/timing:pipelined/"
            "bytes:65536");
  EXPECT_DOUBLE_EQ(file.records[0].time_s, 41.25e-6);
  EXPECT_EQ(file.records[2].verdict, Verdict::kInvalid) << "nan";
  EXPECT_EQ(file.records[3].reason, "3 wrong elements");
  EXPECT_EQ(file.context_value("nccl"), "2.30.7");
  EXPECT_EQ(file.context_value("nccl_tuning"), "RING/LL, RING/SIMPLE");
  for (const auto& [key, value] : file.context) EXPECT_THAT(value, Not(HasSubstr("hf_secret")));
}

TEST(NcclTestsImport, JsonOptionsThatChangeWhatATimeIs) {
  const auto text = sample("nccl-tests-version-4.json");
  const auto with = [&](std::string_view options) {
    return imported(replaced(text, "\"-G\", \"1\"", options));
  };
  EXPECT_EQ(with("\"-z\", \"1\"").records[0].key("timing"), "blocking");
  EXPECT_EQ(with("\"-z3\"").records[0].key("timing"), "isolated");
  EXPECT_THAT(with("\"-a\", \"3\"").notes(), Contains("the times are those of the slowest rank"));
  const auto looks_alike = imported(
      replaced(replaced(text, "\"args\"", "\"arguments\""), "\"version\": 4", "\"version\": 1"));
  EXPECT_THAT(looks_alike.notes(), Contains(HasSubstr("another program")));
}

TEST(NcclTestsImport, JsonThatLies) {
  const auto text = sample("nccl-tests-version-4.json");
  EXPECT_THAT(refusal(text.substr(0, text.size() / 2)), HasSubstr("cut off"));
  EXPECT_THAT(refusal(replaced(text, "\"version\": 4", "\"version\": 9")),
              HasSubstr("1 to 4 are known"));
  EXPECT_THAT(refusal(replaced(text, "\"count\": 16384", "\"size\": 16384")),
              HasSubstr("run.log:17: 'size' stands twice"));
  EXPECT_THAT(refusal(replaced(text, "\"rank\": 1", "\"rank\": 0")),
              HasSubstr("lists rank 0 twice"));
  EXPECT_THAT(refusal(replaced(text, "\"size\": 131072", "\"size\": -1")), HasSubstr("results[1]"));
  const auto doubled = imported(text + text);
  EXPECT_EQ(doubled.records.size(), 4U);
  EXPECT_THAT(doubled.notes(), Contains(HasSubstr("twice; one counts")));
}

}  // namespace
}  // namespace wiretax
