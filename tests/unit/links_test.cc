// Links alone and together, from recorded results.

#include "report/links.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace wiretax {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::json;

Json links_row(const std::string& links, int from, int to, double rate,
               const std::string& transport = "rdma") {
  return {{"name", transport + "_links/links:" + links + "/from:" + std::to_string(from) +
                       "/to:" + std::to_string(to) + "/bytes:65536"},
          {"run_type", "iteration"},
          {"iterations", 1},
          {"real_time", 100.0},
          {"cpu_time", 100.0},
          {"time_unit", "us"},
          {"label", "valid"},
          {"bytes", 65536.0},
          {"GBps", rate}};
}

std::string links_text_of(const std::vector<Json>& rows, const Json& context = Json::object()) {
  Json document = {{"context", {{"wiretax_schema", 1}, {"wiretax_status", "complete"}}},
                   {"benchmarks", rows}};
  document["context"].update(context);
  return links_text(parse_result_file(document.dump(), "links.json"), Ink(Colour::kNever));
}

/// Both halves of one cable: together they fill the cage.
std::vector<Json> twins() {
  auto both = links_row("rocep1s0f0+roceP2p1s0f0", 0, 1, 23.5);
  both["GBps_rocep1s0f0"] = 11.8;
  both["GBps_roceP2p1s0f0"] = 11.7;
  both["bound_Gbps"] = 196.0;
  return {links_row("rocep1s0f0", 0, 1, 13.5), links_row("roceP2p1s0f0", 0, 1, 13.0), both};
}

TEST(Links, TogetherBesideAloneAndBesideWhatWasToBeExpected) {
  const auto text = links_text_of(twins());
  EXPECT_THAT(text, AllOf(HasSubstr("together/alone"), HasSubstr("predicted")));
  EXPECT_THAT(text, HasSubstr("rocep1s0f0          13.5           11.8"));
  // 23.5 of 26.5 GB/s; 196 Gb/s are 24.5 GB/s.
  EXPECT_THAT(text,
              HasSubstr("all                 26.5           23.5            0.89       0.92"));
  EXPECT_THAT(text, Not(HasSubstr("GB/s from")));
}

TEST(Links, WhatLimitsAndWhatEachDeviceIsPluggedInto) {
  Json context = {
      {"bound_limits",
       {{"0-1",
         {{"rocep1s0f0", "PCIe 0000:01:00 Gen5 x4"}, {"rocep1s0f0+roceP2p1s0f0", "cage p0"}}},
        {"0-2", {{"rocep1s0f0", "another pair's"}}}}},
      {"rdma_devices",
       {{{"host", "spark-a"},
         {"device", "roceP2p1s0f0"},
         {"number", 1},
         {"pci", "0002:01:00.0"},
         {"pcie", "Gen5 x4"},
         {"phys_port_name", "p0"},
         {"netdev", "enP2p1s0f0np0"}}}}};
  context["rdma_devices"].push_back(context["rdma_devices"][0]);  // of a second rank there
  const auto text = links_text_of(twins(), context);
  EXPECT_THAT(text, HasSubstr("PCIe 0000:01:00 Gen5 x4\n"));
  EXPECT_THAT(text, HasSubstr("0.89       0.92  cage p0\n"));
  EXPECT_THAT(text, HasSubstr("spark-a  roceP2p1s0f0  0002:01:00.0  Gen5 x4  p0    enP2p1s0f0np0"));
  EXPECT_EQ(text.find("spark-a"), text.rfind("spark-a"));
}

TEST(Links, AContextThatMakesNoSenseTellsNothing) {
  const Json context = {{"bound_limits", {{"0-1", {{"rocep1s0f0", 7}}}, {"0-2", 3}}},
                        {"rdma_devices", {1, {{"host", 2}}}}};
  EXPECT_THAT(links_text_of(twins(), context), HasSubstr("0.89"));
  EXPECT_THAT(links_text_of(twins(), {{"bound_limits", "x"}, {"rdma_devices", "y"}}),
              HasSubstr("0.89"));
}

TEST(Links, ASumBesideAnIncompleteAloneIsComparedWithNothing) {
  auto rows = twins();
  rows.erase(rows.begin());
  EXPECT_THAT(links_text_of(rows), ContainsRegex("all +- +23.5 +- +-"));
}

TEST(Links, ARowWhoseRanksMakeNoSenseIsPassedOver) {
  auto rows = twins();
  rows[0]["name"] = "rdma_links/links:rocep1s0f0/from:x/to:1e999/bytes:65536";
  EXPECT_THAT(links_text_of(rows), HasSubstr("23.5"));
}

TEST(Links, TcpStandsBesideRdma) {
  auto rows = twins();
  rows.push_back(links_row("enp1s0f0np0", 0, 1, 4.5, "tcp"));
  const auto text = links_text_of(rows);
  EXPECT_THAT(text, ContainsRegex("0 to 1  TCP +64 KiB  enp1s0f0np0 +4.5"));
  EXPECT_THAT(text, ContainsRegex("0 to 1  RDMA +64 KiB  all"));
}

TEST(Links, WithoutABoundNothingIsPredicted) {
  auto rows = twins();
  rows.back().erase("bound_Gbps");
  EXPECT_THAT(links_text_of(rows), HasSubstr("0.89          -"));
}

TEST(Links, ASumThatSaysNothingIsNotTold) {
  auto rows = twins();
  rows.back() = {{"name", rows.back()["name"]},
                 {"run_type", "iteration"},
                 {"error_occurred", true},
                 {"error_message", "invalid: the links were at work together for 60 % of the time"},
                 {"iterations", 0},
                 {"real_time", 0.0},
                 {"cpu_time", 0.0},
                 {"time_unit", "us"}};
  EXPECT_THAT(links_text_of(rows), AllOf(HasSubstr("60 % of the time"), Not(HasSubstr("23.5"))));
}

TEST(Links, OneLinkHasNoSum) {
  EXPECT_THAT(links_text_of({links_row("rocep1s0f0", 0, 1, 13.5)}),
              AllOf(HasSubstr("13.5"), Not(HasSubstr("  all "))));
}

TEST(Links, TheSlowCableAmongSeveralHostsIsNamed) {
  const auto text =
      links_text_of({links_row("rocep1s0f0", 0, 1, 13.4), links_row("rocep1s0f0", 0, 2, 13.5),
                     links_row("rocep1s0f0", 1, 2, 6.7)});
  EXPECT_THAT(text, AllOf(HasSubstr("GB/s from"),
                          HasSubstr("1 to 2 reaches 50 % of the median pair: look at its cable"),
                          Not(HasSubstr("0 to 1 reaches"))));
}

/// Two ranks on each of two emulated hosts, as wiretax-links recorded them.
Json four_ranks() {
  std::ifstream stream(WIRETAX_TEST_DATA "/links/four_ranks.json");
  return Json::parse(stream);
}

std::string text_of_file(const Json& document) {
  return links_text(parse_result_file(document.dump(), "four_ranks.json"), Ink(Colour::kNever));
}

TEST(Links, ARecordedRunOfFourRanksBecomesAMatrix) {
  const auto text = text_of_file(four_ranks());
  EXPECT_THAT(text, ContainsRegex("GB/s from +to 0 +to 1 +to 2 +to 3\n"));
  EXPECT_THAT(text, ContainsRegex("\n0 +- +- +0.007651 +0.006952\n"));
  EXPECT_THAT(text, ContainsRegex("\n3 +- +- +- +-\n")) << "nobody sent that way";
  EXPECT_THAT(text, Not(HasSubstr("look at its cable")));
  EXPECT_THAT(text, ContainsRegex("spark-02 +rocep1s0f0 .*enp1s0f0np0"));
}

TEST(Links, InARecordedRunTheSlowCableIsNamed) {
  auto document = four_ranks();
  for (auto& links_row : document["benchmarks"]) {
    const auto name = links_row["name"].get<std::string>();
    const bool sum = name.find('+') != std::string::npos;
    if (sum && name.find("/from:1/to:2/") != std::string::npos) links_row["GBps"] = 0.0035;
  }
  EXPECT_THAT(text_of_file(document), HasSubstr("1 to 2 reaches 48 % of the median pair"));
}

TEST(Links, OtherFilesHaveNone) { EXPECT_EQ(links_text_of({}), ""); }

}  // namespace
}  // namespace wiretax
