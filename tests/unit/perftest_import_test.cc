// perftest's text and JSON.

#include <string>

#include "imported.h"

namespace wiretax {
namespace {

using testing::Contains;
using testing::HasSubstr;

TEST(PerftestImport, MebibytesOfTheRealProgram) {
  const auto text = imported(sample("perftest-6.06-ib_write_bw.txt"));
  const auto& record = only(text);
  EXPECT_EQ(record.name, "rdma_write_bandwidth/link:rocep1s0f0/from:0/to:1/bytes:65536");
  EXPECT_NEAR(*record.counter("GBps"), 17.92 * 1048576 / 1e9, 1e-12);
  EXPECT_NEAR(record.time_s, 65536 / (17.92 * 1048576), 1e-12);
  EXPECT_EQ(record.counter("mtu"), 4096);
  EXPECT_EQ(record.verdict, Verdict::kValid);
  EXPECT_THAT(std::string(text.context_value("imported_unit")), HasSubstr("MB/sec taken as 2^20"));
  const auto json = imported(sample("perftest-6.06-ib_write_bw.json"));
  EXPECT_EQ(only(json).name, record.name);
  EXPECT_THAT(std::string(json.context_value("imported_unit")), HasSubstr("MiB/s, inferred"));
}

TEST(PerftestImport, LatencyOfTheRealProgramIsOneWay) {
  for (const auto* const name :
       {"perftest-6.06-ib_write_lat.txt", "perftest-6.06-ib_write_lat.json"}) {
    const auto file = imported(sample(name));
    const auto& record = only(file);
    EXPECT_EQ(record.name, "rdma_write_latency/link:rocep1s0f0/from:0/to:1/bytes:2");
    EXPECT_NEAR(record.time_s, 2929.77e-6, 1e-12) << "t_avg";
    EXPECT_EQ(record.counter("p50_us"), 2571.55);
    EXPECT_FALSE(record.counter("max_us")) << "perftest leaves out the largest";
    EXPECT_FALSE(record.counter("p99_us")) << "200 samples do not support it";
    EXPECT_THAT(file.notes(), Contains(HasSubstr("half of a round trip")));
  }
}

TEST(PerftestImport, GigabitsAndRepeatedSizes) {
  const auto file = imported(sample("perftest-spark-gbits.txt"));
  ASSERT_EQ(file.records.size(), 2U);
  EXPECT_NEAR(*file.records[0].counter("Gbps"), 92.57, 1e-9);
  EXPECT_EQ(file.records[0].verdict, Verdict::kValid) << "MsgRate confirms it";
  EXPECT_FALSE(file.records[0].counter("peak_GBps")) << "0.00 is no peak";
  EXPECT_THAT(file.notes(), Contains(HasSubstr("repeat the size of another: 1")));
}

TEST(PerftestImport, PercentilesThatTheSamplesSupport) {
  const auto file = imported(sample("perftest-spark-lat.txt"));
  EXPECT_EQ(only(file).counter("p99_us"), 1.57);
  EXPECT_FALSE(only(file).counter("p999_us")) << "of 1000 samples";
}

TEST(PerftestImport, TheUnitOfJsonIsInferredAndSaid) {
  const auto text = sample("perftest-write-bw.json");
  EXPECT_NEAR(*only(imported(text)).counter("GBps"), 2.3376, 1e-4);
  EXPECT_THAT(refusal(text, {.unit = "Gb/s"}), HasSubstr("makes it MiB/s"));
  const auto gigabits = imported(replaced(text, "2229.27", "18.70"));
  EXPECT_NEAR(*only(gigabits).counter("Gbps"), 18.70, 1e-9);
  const auto silent = replaced(text, "0.035668", "0.000000");
  EXPECT_THAT(refusal(silent), HasSubstr("names no unit"));
  EXPECT_NEAR(*only(imported(silent, {.unit = "Gb/s"})).counter("Gbps"), 2229.27, 1e-6);
  EXPECT_THAT(refusal(replaced(text, "2229.27", "500.00")), HasSubstr("names no unit"))
      << "neither fits";
}

TEST(PerftestImport, JsonWithoutQuotes) {
  const auto file = imported(sample("perftest-write-lat-unquoted.json"));
  EXPECT_EQ(only(file).name, "rdma_write_latency/link:rxe0/from:0/to:1/bytes:128");
  EXPECT_EQ(only(file).counter("p999_us"), 4.03);
}

TEST(PerftestImport, ASweepsJsonKeepsItsLastSizeOnly) {
  auto text = replaced(sample("perftest-write-bw.json"), "65536", "8388608");
  text = replaced(text, "0.035668", "0.000279");
  EXPECT_THAT(imported(text).notes(), Contains(HasSubstr("only this last size")));
}

TEST(PerftestImport, BothWaysAndWhatChangesTheWire) {
  auto text = replaced(sample("perftest-spark-gbits.txt"), "RDMA_Write BW",
                       "RDMA_Write Post List Bidirectional BW");
  text = replaced(text, "Number of qps   : 1", "Number of qps   : 4");
  text = replaced(text, "rdma_cm QPs\t : OFF", "rdma_cm QPs\t : ON");
  const auto record = imported(text).records[0];
  EXPECT_EQ(record.name,
            "rdma_write_bandwidth/link:rocep1s0f0/from:0/to:1/qps:4/connect:cm/ways:2/bytes:65536");
  EXPECT_NEAR(record.time_s, 2 * 65536 / (92.57e9 / 8), 1e-12) << "an exchange of two";
}

TEST(PerftestImport, ServerAndClientInOneFile) {
  const auto text = sample("perftest-spark-gbits.txt");
  const auto head = text.substr(0, text.find(" 65536"));
  const auto file = imported(head + text);
  EXPECT_EQ(file.records.size(), 2U);
  EXPECT_THAT(file.notes(), Contains(HasSubstr("server and client wrote into one file")));
}

TEST(PerftestImport, NumbersThatAreNone) {
  const auto text = sample("perftest-spark-gbits.txt");
  for (const auto* const rate : {"-92.57", "inf", "nan", "0.00"}) {
    EXPECT_EQ(imported(replaced(text, "92.57", rate)).records[0].verdict, Verdict::kInvalid)
        << rate;
  }
  EXPECT_EQ(imported(replaced(text, "0.176554", "0.300000")).records[0].verdict, Verdict::kSuspect)
      << "a rate that is not its messages'";
  EXPECT_EQ(only(imported(replaced(sample("perftest-spark-lat.txt"), "1.42", "-1.42"))).verdict,
            Verdict::kInvalid);
}

TEST(PerftestImport, WhatIsNotUnderstoodIsNamedWithItsLine) {
  const auto text = sample("perftest-spark-gbits.txt");
  EXPECT_THAT(refusal(replaced(text, "BW average[Gb/sec]", "BW average[furlongs]")),
              HasSubstr("run.log:9: the unit 'furlongs'"));
  EXPECT_THAT(refusal(replaced(text, "BW average[Gb/sec]", "BW average")),
              HasSubstr("without the unit"));
  EXPECT_THAT(refusal(replaced(text, "BW average", "BW median")),
              HasSubstr("the column 'BW median"));
  EXPECT_THAT(refusal(replaced(text, "BW Test", "Bw Exam")), HasSubstr("without the title"));
  EXPECT_THAT(refusal(text.substr(0, text.find("97.28"))),
              HasSubstr("run.log:11: 3 columns, where the header has 5: cut off"));
  EXPECT_THAT(refusal(replaced(text, "rocep1s0f0", "../../etc")), HasSubstr("no device"));
  EXPECT_THAT(refusal(text.substr(0, text.find(" 65536"))), HasSubstr("without a single point"));
}

}  // namespace
}  // namespace wiretax
