// RDMA, TCP and the bound side by side, from recorded results.

#include "report/wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace wiretax {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::json;

Json wire_row(const std::string& name, double microseconds, const Json& counters) {
  Json wire_row = {{"name", name},
                   {"run_type", "iteration"},
                   {"iterations", 1},
                   {"real_time", microseconds},
                   {"cpu_time", microseconds},
                   {"time_unit", "us"},
                   {"label", "valid"}};
  wire_row.update(counters);
  return wire_row;
}

ResultFile file_of(const std::vector<Json>& rows, const Json& context = Json::object()) {
  Json document = {{"context", {{"wiretax_schema", 1}, {"wiretax_status", "complete"}}},
                   {"benchmarks", rows}};
  document["context"].update(context);
  return parse_result_file(document.dump(), "file.json");
}

ResultFile rdma() {
  const Json context = {
      {"rdma_devices", {{{"device", "rocep1s0f0"}, {"number", 1}, {"netdev", "enp1s0f0np0"}}}},
      {"bound_limits", {{"0-1", {{"rocep1s0f0", "PCIe 0000:01:00 Gen5 x4"}}}}}};
  return file_of(
      {wire_row("rdma_write_bandwidth/link:rocep1s0f0/from:0/to:1/bytes:65536", 5,
                {{"bytes", 65536}, {"GBps", 12.5}, {"bound_Gbps", 123.6}}),
       wire_row("rdma_write_bandwidth/link:rocep1s0f0/from:0/to:1/ways:2/bytes:65536", 5,
                {{"bytes", 65536}, {"GBps", 24.9}, {"bound_Gbps", 247.2}}),
       wire_row("rdma_write_latency/link:rocep1s0f0/from:0/to:1/bytes:10240", 4,
                {{"bytes", 10240}}),
       wire_row("rdma_write_latency/link:rocep1s0f0/from:0/to:1/bytes:2", 2, {{"bytes", 2}})},
      context);
}

ResultFile tcp() {
  return file_of({wire_row("tcp_bandwidth/interface:enp1s0f0np0/from:0/to:1/streams:1/bytes:131072",
                           30, {{"bytes", 131072}, {"GBps", 4.25}}),
                  wire_row("tcp_bandwidth/interface:enp1s0f0np0/from:0/to:1/streams:4/bytes:131072",
                           60, {{"bytes", 131072}, {"GBps", 8.75}}),
                  wire_row("tcp_round_trip/interface:enp1s0f0np0/from:0/to:1/bytes:10240", 80,
                           {{"bytes", 10240}})});
}

ResultFile links() {
  return file_of({wire_row("rdma_links/links:rocep1s0f0+roceP2p1s0f0/from:0/to:1/bytes:65536", 100,
                           {{"bytes", 65536}, {"GBps", 23.5}, {"bound_Gbps", 196.0}})},
                 {{"bound_limits", {{"0-1", {{"rocep1s0f0+roceP2p1s0f0", "cage p0"}}}}}});
}

std::string wire_text_of(const std::vector<ResultFile>& files) {
  return wire_text(files, Ink(Colour::kNever));
}

TEST(Wire, RdmaTcpAndTheBoundSideBySide) {
  const auto text = wire_text_of({tcp(), rdma(), links()});
  // 12.5 GB/s are 100 of 123.6 Gb/s; of TCP the best is told.
  EXPECT_THAT(text,
              ContainsRegex("enp1s0f0np0 \\(rocep1s0f0\\) +12.5 +8.75 +15.45 +80.9  PCIe 0000"));
  EXPECT_THAT(text, ContainsRegex("all together +23.5 +- +24.5 +95.9  cage p0"));
}

TEST(Wire, OneWayAtTheSizesThatBothHave) {
  const auto text = wire_text_of({rdma(), tcp()});
  EXPECT_THAT(text, ContainsRegex("10 KiB +4 us +40 us +10.0"));
  EXPECT_THAT(text, Not(HasSubstr(" 2 B")));
}

TEST(Wire, AMarkOfTheMeasurementsIsTold) {
  auto file = rdma();
  file.context["wiretax_mark"] = "soft-RoCE in emulation: shows function, not speed";
  EXPECT_THAT(wire_text_of({file}),
              HasSubstr("\nsoft-RoCE in emulation: shows function, not speed\n"));
}

TEST(Wire, RunsAreToldApart) {
  auto old = rdma();
  old.path = "before/rdma.json";
  auto fresh = rdma();
  fresh.path = "after/rdma.json";
  fresh.records[0].counters["GBps"] = 7.25;
  EXPECT_THAT(wire_text_of({old, fresh}),
              AllOf(ContainsRegex("after *\n[^\n]*RDMA GB/s[^\n]*\n[^\n]* 7.25 "),
                    ContainsRegex("before *\n[^\n]*RDMA GB/s[^\n]*\n[^\n]* 12.5 ")));
  fresh.path = old.path;
  fresh.context["hosts"] = R"(["spark-c","spark-d"])";
  EXPECT_THAT(wire_text_of({old, fresh}), HasSubstr("before [\"spark-c\",\"spark-d\"]\n"));
}

TEST(Wire, WhatWasNotUsedIsTold) {
  auto file = rdma();
  file.context["links_left_out"] = R"(["rocep1s0f1 (DOWN) of spark-a", 3])";
  EXPECT_THAT(wire_text_of({file, file}), HasSubstr("\nnot used: rocep1s0f1 (DOWN) of spark-a\n"));
  file.context["links_left_out"] = "nonsense";
  EXPECT_THAT(wire_text_of({file}), Not(HasSubstr("not used")));
}

TEST(Wire, WithoutRdmaThereIsNothingToCompare) { EXPECT_EQ(wire_text_of({tcp()}), ""); }

TEST(Wire, RdmaAloneIsToldAlone) {
  EXPECT_THAT(wire_text_of({rdma()}), ContainsRegex("12.5 +- +15.45"));
}

}  // namespace
}  // namespace wiretax
