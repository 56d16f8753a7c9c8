// How much of a library's time is not the wire.

#include "report/floor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace wiretax {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::json;

Json floor_row(const std::string& name, double time_us, double bytes, double ranks = 2) {
  return {{"name", name},         {"run_type", "iteration"}, {"iterations", 1},
          {"real_time", time_us}, {"cpu_time", time_us},     {"time_unit", "us"},
          {"label", "valid"},     {"bytes", bytes},          {"ranks", ranks}};
}

/// One_shot's file, which tells its devices, or another's.
ResultFile floor_file_of(const std::vector<Json>& rows) {
  Json context = {{"wiretax_schema", 1}, {"wiretax_status", "complete"}};
  if (rows.front()["name"].get<std::string>().find("one_shot") != std::string::npos) {
    context["wiretax_fabric"] = "one_shot";
    context["rdma_devices"] = {
        {{"host", "spark-a"}, {"device", "rocep1s0f0"}, {"number", 1}, {"netdev", "enp1s0f0np0"}}};
  }
  const Json document = {{"context", context}, {"benchmarks", rows}};
  return parse_result_file(document.dump(), "file.json");
}

std::string floor_text_of(const std::vector<ResultFile>& files) {
  return floor_text(files, Ink(Colour::kNever));
}

const std::string kOneShot =
    "all_reduce/backend:one_shot/type:bfloat16/place:out/timing:chained/bytes:10240";
const std::string kMpi =
    "all_reduce/backend:mpi/interface:enp1s0f0np0/type:bfloat16/place:out/timing:chained/"
    "bytes:10240";

TEST(Floor, WhatALibraryAddsToTheWire) {
  const auto text = floor_text_of({floor_file_of({floor_row(kOneShot, 10, 10240)}),
                                   floor_file_of({floor_row(kMpi, 40, 10240)})});
  EXPECT_THAT(text, ContainsRegex(
                        "all_reduce +2 +bfloat16 +10 KiB +mpi enp1s0f0np0 +40 us +10 us +75 %\n"));
}

TEST(Floor, ALibraryAtTheFloorAddsNothing) {
  EXPECT_THAT(
      floor_text_of({floor_file_of({floor_row(kOneShot, 10, 10240), floor_row(kMpi, 9, 10240)})}),
      ContainsRegex("9 us +10 us +-\n"));
}

TEST(Floor, AnotherWireIsNotCompared) {
  auto management = kMpi;
  management.replace(management.find("enp1s0f0np0"), 11, "enP7s7");
  EXPECT_EQ(floor_text_of({floor_file_of({floor_row(kOneShot, 10, 10240)}),
                           floor_file_of({floor_row(management, 40, 10240)})}),
            "");
}

TEST(Floor, OnlyTheSameIsCompared) {
  EXPECT_EQ(floor_text_of(
                {floor_file_of({floor_row(kOneShot, 10, 10240), floor_row(kMpi, 40, 10240, 4)})}),
            "");
  auto larger = kMpi;
  larger.replace(larger.rfind("10240"), 5, "20480");
  EXPECT_EQ(floor_text_of(
                {floor_file_of({floor_row(kOneShot, 10, 10240), floor_row(larger, 40, 20480)})}),
            "");
  EXPECT_EQ(floor_text_of({floor_file_of({floor_row(kOneShot, 10, 10240)})}), "");
  EXPECT_EQ(floor_text_of({floor_file_of({floor_row(kMpi, 10, 10240)})}), "");
  EXPECT_EQ(floor_text_of({}), "");
}

TEST(Floor, HowNcclWasLaunchedIsTold) {
  const auto nccl = [](const std::string& launch) {
    return floor_row("all_reduce/backend:nccl/launch:" + launch +
                         "/type:bfloat16/place:out/timing:chained/bytes:10240",
                     30, 10240);
  };
  EXPECT_THAT(floor_text_of(
                  {floor_file_of({floor_row(kOneShot, 10, 10240), nccl("graph"), nccl("eager")})}),
              AllOf(HasSubstr("nccl graph"), HasSubstr("nccl eager"), Not(HasSubstr("mpi"))));
}

}  // namespace
}  // namespace wiretax
