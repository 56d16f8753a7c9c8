// Results in the formats of other tools, and wiretax-report export as a user runs it.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "own_folder.h"
#include "report/exporters/exporter.h"
#include "report/exporters/link_fit.h"
#include "report/units.h"
#include "run_report.h"

namespace wiretax {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Json = nlohmann::json;

Fabric published_fabric() {
  const auto file = find_profile("dgx-spark-roce");
  return fabrics_of({&file, 1}, 2).usable.at(0);
}

/// All-reduces of so many bytes in so many us.
Fabric curve_fabric(const std::vector<std::pair<std::uint64_t, double>>& points,
                    std::uint64_t ranks = 2) {
  std::vector<CurvePoint> curve;
  for (const auto& [bytes, time_us] : points) {
    const double time_s = time_us * kMicrosecond;
    curve.push_back({bytes, time_s, {time_s, time_s}});
  }
  Fabric fabric;
  fabric.name = "nccl";
  fabric.ranks = ranks;
  fabric.all_reduce = Curve(curve);
  return fabric;
}

std::string export_error(const Fabric& fabric, std::string_view cluster = "") {
  try {
    export_llmservingsim(fabric, {.text = cluster, .origin = "cluster.json"});
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

ResultFile export_file(const std::vector<Json>& rows, const std::string& name = "r.json") {
  const Json json = {{"context",
                      {{"wiretax_schema", 1},
                       {"wiretax_status", "complete"},
                       {"wiretax_fabric", "roce \"both\"\\"},
                       {"wiretax_fabric_kind", "engine"}}},
                     {"benchmarks", rows}};
  return parse_result_file(json.dump(), name);
}

Json export_row(const std::string& name) {
  return {{"name", name},     {"real_time", 28}, {"time_unit", "us"},
          {"bytes", 8192},    {"ranks", 2},      {"mean_lo_us", 27},
          {"mean_hi_us", 29}, {"GBps", .5},      {"label", "valid"}};
}

Json failed_row(const std::string& name, const std::string& reason) {
  return {{"name", name}, {"error_occurred", true}, {"error_message", reason}};
}

std::string metrics_of(const std::vector<Json>& rows) {
  const auto file = export_file(rows);
  return export_openmetrics({&file, 1}).files.at(0).text;
}

std::string csv_of(const std::vector<Json>& rows) {
  const auto file = export_file(rows);
  return export_csv({&file, 1}).files.at(0).text;
}

TEST(LinkFit, TheLineOfThePublishedPair) {
  const auto fits = fit_links(published_fabric().all_reduce, 2);
  EXPECT_NEAR(fits.whole.link.bytes_per_s / real(kGibibyte), 15.1, .005);
  EXPECT_NEAR(fits.whole.link.latency_s, 13'747e-9, 1e-9);
  ASSERT_TRUE(fits.whole.worst);
  EXPECT_EQ(fits.whole.worst->bytes, 65536U);  // 66 us
  EXPECT_NEAR(fits.whole.worst_s, 31.5e-6, .05e-6);
  EXPECT_THAT(fits.warnings, Contains(HasSubstr("nothing was measured between 64 KiB and 32 MiB")));
  EXPECT_THAT(fits.warnings, Contains(StartsWith("16 GiB left out")));
}

TEST(LinkFit, TwoLinesMissLess) {
  const auto fits = fit_links(published_fabric().all_reduce, 2);
  ASSERT_TRUE(fits.small && fits.large);
  EXPECT_EQ(fits.small->last.bytes, 65536U);
  EXPECT_EQ(fits.large->first.bytes, 65536U);
  ASSERT_TRUE(fits.small->worst);
  EXPECT_LT(std::abs(fits.small->worst_s / fits.small->worst->time_s - 1), .15);
}

TEST(LinkFit, HitsBothEndsForAnyRanks) {
  const auto fabric = curve_fabric({{8192, 90}, {65536, 120}, {33554432, 5000}}, 8);
  const auto link = fit_links(fabric.all_reduce, 8).whole.link;
  EXPECT_NEAR(ring_all_reduce_s(link, 8, 8192), 90e-6, 1e-12);
  EXPECT_NEAR(ring_all_reduce_s(link, 8, 33554432), 5000e-6, 1e-12);
}

TEST(LinkFit, OfTheSimulatorsOwnExample) {
  // link_bw 16, link_latency 20000: 40.6 us for 10,240 B of two ranks.
  const SimulatedLink link = {20'000e-9, 16 * real(kGibibyte)};
  EXPECT_NEAR(ring_all_reduce_s(link, 2, 10'240), 40.6e-6, .05e-6);
}

TEST(LinkFit, OneLineIsEnoughWhereItFits) {
  const auto fits = fit_links(curve_fabric({{8192, 20}, {16384, 21}, {32768, 23}}).all_reduce, 2);
  EXPECT_FALSE(fits.small);
  EXPECT_FALSE(fits.large);
}

TEST(LinkFit, WhatNoLinkDoesIsAnError) {
  EXPECT_THAT(export_error(curve_fabric({{8192, 20}})), HasSubstr("1 size up to 64 MiB"));
  EXPECT_THAT(export_error(curve_fabric({{8192, 20}, {65536, 20}})),
              HasSubstr("time falls with size"));
  EXPECT_THAT(export_error(curve_fabric({{8192, 20}, {65536, 10}})),
              HasSubstr("time falls with size"));
  EXPECT_THAT(export_error(curve_fabric({{8192, 1}, {65536, 100}})), HasSubstr("below zero"));
}

TEST(LinkFit, ACurveThatFallsInBetweenIsNamed) {
  const auto fits = fit_links(curve_fabric({{8192, 20}, {16384, 30}, {32768, 25}}).all_reduce, 2);
  EXPECT_THAT(fits.warnings, Contains("the curve falls: 16 KiB take 30 us, 32 KiB take 25 us"));
}

TEST(LinkFit, SendRecvIsCheckedOrSaidToBeMissing) {
  EXPECT_THAT(send_recv_warning({}, {}), HasSubstr("not measured"));
  const Curve curve({{1000, 30e-6, {30e-6, 30e-6}}});
  EXPECT_EQ(send_recv_warning(curve, {10e-6, 1e8}),
            "send_recv as measured: the line is off by up to -33 %, at 1,000 B");
}

TEST(LlmServingSim, HasTheFiguresInItsUnits) {
  const auto result = export_llmservingsim(published_fabric(), {});
  ASSERT_EQ(result.files.size(), 3U);
  const auto json = Json::parse(result.files[0].text);
  EXPECT_NEAR(json["link_bw"].get<double>(), 15.1, .005);
  EXPECT_NEAR(json["link_latency"].get<double>(), 13'747, 1);
  EXPECT_THAT(json["wiretax"]["fit"].get<std::string>(),
              HasSubstr("31.54 us at 64 KiB, where 66 us were measured (-52 %)"));
  EXPECT_EQ(result.files[1].part, "small");
  EXPECT_EQ(result.files[2].part, "large");
  EXPECT_THAT(result.warnings, Contains(HasSubstr("send_recv was not measured")));
}

TEST(LlmServingSim, PutsThemIntoTheUsersConfiguration) {
  const auto* const cluster = R"({"num_nodes": 1, "link_bw": 16, "nodes": [{"instances": []}]})";
  const auto result = export_llmservingsim(published_fabric(), {.text = cluster});
  const auto json = Json::parse(result.files[0].text);
  EXPECT_EQ(json["num_nodes"], 1);
  EXPECT_EQ(json["nodes"].size(), 1U);
  EXPECT_GT(json["link_latency"], 0);
  EXPECT_NE(json["link_bw"], 16);
}

TEST(LlmServingSim, RefusesWhatItCannotPutThemInto) {
  const auto fabric = published_fabric();
  EXPECT_THAT(export_error(fabric, "{"), StartsWith("cluster.json"));
  EXPECT_THAT(export_error(fabric, "[]"), StartsWith("cluster.json"));
  EXPECT_THAT(export_error(fabric, "{}"), HasSubstr("cluster.json: nodes: missing"));
  EXPECT_THAT(export_error(fabric, R"({"nodes": [], "link_bw": [900, 100]})"),
              HasSubstr("link_bw is for 2 dimensions, link_latency for 1"));
  for (const std::string value : {"\"fast\"", "[]", "[1, \"fast\"]", "[[1], 2]", "null"}) {
    EXPECT_THAT(export_error(fabric, R"({"nodes": [], "link_latency": )" + value + "}"),
                HasSubstr("link_latency: neither a number nor a list"));
  }
}

TEST(LlmServingSim, OneDimensionOfSeveralIsTheLink) {
  const auto* const cluster =
      R"({"nodes": [], "link_bw": [128, 16], "link_latency": [500, 20000]})";
  const auto fabric = published_fabric();
  const auto result = export_llmservingsim(fabric, {.text = cluster, .dimension = 2});
  const auto alone = Json::parse(export_llmservingsim(fabric, {}).files[0].text);
  const auto json = Json::parse(result.files[0].text);
  EXPECT_EQ(json["link_bw"], Json::array({128, alone["link_bw"]}));
  EXPECT_EQ(json["link_latency"], Json::array({500, alone["link_latency"]}));
  EXPECT_THROW(export_llmservingsim(fabric, {.text = cluster}), std::invalid_argument);
  EXPECT_THROW(export_llmservingsim(fabric, {.text = cluster, .dimension = 3}),
               std::invalid_argument);
}

TEST(AstraSim, IsTheNetworkFileOfItsAnalyticalBackend) {
  const auto result = export_astra_sim(published_fabric(), Wiring::kFullyConnected);
  ASSERT_EQ(result.files.size(), 3U);
  EXPECT_THAT(result.files[0].text,
              AllOf(HasSubstr("\ntopology: [ FullyConnected ]\nnpus_count: [ 2 ]\n"
                              "bandwidth: [ 15.0991 ]"),
                    HasSubstr("\nlatency: [ 13747.4 ]"), HasSubstr("# send_recv was not measured"),
                    HasSubstr("# dgx-spark-roce: line through 8 KiB and 32 MiB")));
}

TEST(AstraSim, ASwitchIsTwoHops) {
  EXPECT_THAT(export_astra_sim(published_fabric(), Wiring::kSwitch).files[0].text,
              HasSubstr("latency: [ 6873.7 ]"));
  EXPECT_THROW(parse_wiring("Torus"), std::invalid_argument);
}

TEST(OpenMetrics, HasUnitsTypesAndAnEnd) {
  const auto text = metrics_of({export_row("all_reduce/backend:nccl/bytes:8192")});
  EXPECT_THAT(text, StartsWith("# TYPE wiretax_operation_seconds gauge\n"
                               "# UNIT wiretax_operation_seconds seconds\n"
                               "# HELP wiretax_operation_seconds Mean time of one operation.\n"));
  EXPECT_TRUE(text.ends_with("# EOF\n"));
  EXPECT_THAT(text,
              AllOf(HasSubstr("} 2.8e-05\n"), HasSubstr("wiretax_operation_bytes_per_second{"),
                    HasSubstr("} 500000000\n"), HasSubstr("fabric=\"roce \\\"both\\\"\\\\\""),
                    Not(HasSubstr("p99"))));
}

TEST(OpenMetrics, NoSampleIsThereTwice) {
  const auto text =
      metrics_of({export_row("all_reduce/bytes:8192"), export_row("all_reduce/bytes:8192")});
  EXPECT_THAT(text, HasSubstr(",repetition=\"1\"} 2.8e-05"));
}

TEST(OpenMetrics, LabelsAreOnesOrNamed) {
  EXPECT_THAT(metrics_of({export_row("all_reduce/a-b:x\n/bytes:8192")}), HasSubstr("a_b=\"x\\n\""));
  EXPECT_THROW(metrics_of({export_row("all_reduce/a-b:1/a.b:2/bytes:8192")}), InputError);
  EXPECT_THROW(metrics_of({export_row("all_reduce/verdict:good/bytes:8192")}), InputError);
}

TEST(OpenMetrics, WhatHasNoNumberIsCounted) {
  const auto file = export_file(
      {export_row("all_reduce/bytes:8192"), failed_row("all_reduce/bytes:1", "invalid: x")});
  const auto result = export_openmetrics({&file, 1});
  EXPECT_THAT(result.files[0].text,
              HasSubstr("wiretax_points{file=\"r.json\",verdict=\"invalid\"} 1\n"));
  EXPECT_THAT(result.warnings, Contains(HasSubstr("only counted: 1")));
}

TEST(Csv, FollowsTheRfc) {
  auto quoted = export_row("all_reduce/backend:a,\"b\"/bytes:8192");
  const auto text = csv_of({quoted, failed_row("all_reduce/bytes:1", "invalid: wrong data")});
  EXPECT_THAT(text, StartsWith("file,fabric,fabric_kind,name,operation,verdict,reason,time_s,"
                               "mean_low_s,mean_high_s,name.backend,name.bytes,GBps,bytes,"));
  EXPECT_THAT(text, HasSubstr("\"all_reduce/backend:a,\"\"b\"\"/bytes:8192\""));
  EXPECT_THAT(text, HasSubstr(",invalid,wrong data,,,,,1,"));
  EXPECT_EQ(std::ranges::count(text, '\r'), 3);
  EXPECT_TRUE(text.ends_with("\r\n"));
}

TEST(Csv, AnIntervalThatNobodyMeasuredIsAbsent) {
  auto bare = export_row("all_reduce/bytes:8192");
  bare.erase("mean_lo_us");
  bare.erase("mean_hi_us");
  EXPECT_THAT(csv_of({bare}), HasSubstr(",valid,,2.8e-05,,,"));
}

TEST(Csv, NothingIsLeftForASpreadsheetToRun) {
  auto odd = export_row("all_reduce/backend:=1+1/bytes:8192");
  odd["=cmd"] = -2.5;
  const auto text = csv_of({odd, failed_row("all_reduce/bytes:1", "invalid: =HYPERLINK(1)")});
  EXPECT_THAT(text, HasSubstr(",'=HYPERLINK(1),"));
  EXPECT_THAT(text, HasSubstr(",'=1+1,"));
  EXPECT_THAT(text, HasSubstr(",'=cmd"));
  EXPECT_THAT(text, HasSubstr(",-2.5")) << "numbers stay numbers";
}

TEST(Csv, ManyKindsOfColumnsAreRefused) {
  auto wide = export_row("all_reduce/bytes:8192");
  for (int i = 0; i < 600; ++i) wide[fmt::format("counter{}", i)] = 1;
  EXPECT_THROW(csv_of({wide}), InputError);
}

class ExportCli : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_ = own_folder();
};

TEST_F(ExportCli, WritesAFileForEachRegime) {
  const auto out = (folder_ / "link.yml").string();
  const auto result = run("export astra-sim --published dgx-spark-roce -o " + out);
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.output, HasSubstr("warning: one line misses"));
  for (const auto* const name : {"link.yml", "link-small.yml", "link-large.yml"}) {
    EXPECT_TRUE(std::filesystem::exists(folder_ / name)) << name;
  }
}

TEST_F(ExportCli, WrongUsageIsCodeTwo) {
  for (const std::string arguments :
       {"", "csv", "xml --published dgx-spark-roce", "csv --published nope",
        "astra-sim --published dgx-spark-roce --fabric x",
        "astra-sim --published dgx-spark-roce --wiring Torus",
        "astra-sim --published dgx-spark-roce --ranks 1"}) {
    const auto result = run("export " + arguments);
    EXPECT_EQ(result.code, 2) << arguments << result.output;
    EXPECT_THAT(result.output, StartsWith("error: "));
  }
}

TEST_F(ExportCli, WhatIsNotThereIsNamed) {
  const auto result = run("export astra-sim --published dgx-spark-roce --ranks 4 --wiring Ring");
  EXPECT_EQ(result.code, 5);
  EXPECT_THAT(result.output, HasSubstr("no chained all_reduce of 4 ranks"));
  EXPECT_EQ(run("export csv --published dgx-spark-roce -o /nonexistent/x.csv").code, 5);
}

TEST_F(ExportCli, MoreThanTwoMachinesNeedTheirWiring) {
  std::ofstream(folder_ / "r.json")
      << R"({"context": {"wiretax_schema": 1, "wiretax_fabric": "nccl", "wiretax_fabric_kind": "engine"},
"benchmarks": [{"name": "all_reduce/timing:chained/bytes:8192", "real_time": 90, "time_unit": "us", "bytes": 8192, "ranks": 4},
{"name": "all_reduce/timing:chained/bytes:65536", "real_time": 190, "time_unit": "us", "bytes": 65536, "ranks": 4}]})";
  const auto command = "export astra-sim --ranks 4 " + folder_.string();
  const auto result = run(command);
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.output, HasSubstr("does not say how 4 machines are wired"));
  EXPECT_THAT(run(command + " --wiring Ring").output,
              AllOf(HasSubstr("npus_count: [ 4 ]"), HasSubstr("any two are on a line")));
}

}  // namespace
}  // namespace wiretax
