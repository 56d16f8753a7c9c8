// Symptoms that only results show: each with results that show it, and with ones that do not.

#include "report/aftermath.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "report/symptoms.h"

namespace wiretax {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Json = nlohmann::json;

Json point(const std::string& name, const Json& counters, const std::string& label = "valid") {
  Json point = {{"name", name},    {"run_type", "iteration"}, {"iterations", 1}, {"real_time", 100},
                {"cpu_time", 100}, {"time_unit", "us"},       {"label", label}};
  point.update(counters);
  return point;
}

std::vector<Aftermath> found_in(const std::vector<Json>& rows) {
  const Json document = {{"context", {{"wiretax_schema", 1}, {"wiretax_status", "complete"}}},
                         {"benchmarks", rows}};
  const std::vector<ResultFile> files = {parse_result_file(document.dump(), "file.json")};
  return aftermath(files);
}

std::vector<std::string> ids_in(const std::vector<Json>& rows) {
  std::vector<std::string> ids;
  for (const auto& one : found_in(rows)) ids.push_back(one.id);
  return ids;
}

const std::string kWrite = "rdma_write_bandwidth/link:rocep1s0f0/from:0/to:1/bytes:1048576";

Json write(const Json& counters, const std::string& label = "valid") {
  Json all = {
      {"bytes", 1048576}, {"Gbps", 98}, {"bound_Gbps", 116}, {"retransmits", 0}, {"mtu", 4096}};
  all.update(counters);
  return point(kWrite, all, label);
}

TEST(Aftermath, OfAHealthyLinkIsNothing) {
  EXPECT_THAT(ids_in({write(Json::object())}), IsEmpty());
}

TEST(Aftermath, PacketsThatWereSentAgain) {
  const auto found = found_in({write({{"retransmits", 7}})});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().id, "packet-loss");
  EXPECT_EQ(found.front().evidence, "7 times something was sent again in " + kWrite);
}

ResultFile file_of(const Json& row) {
  const Json document = {{"context", {{"wiretax_schema", 1}, {"wiretax_status", "complete"}}},
                         {"benchmarks", Json::array({row})}};
  return parse_result_file(document.dump(), "file.json");
}

TEST(Aftermath, LossesOfSeveralFilesAreToldOnce) {
  const auto file = [](double again) { return file_of(write({{"retransmits", again}})); };
  const std::vector<ResultFile> files = {file(7), file(0), file(2)};
  const auto found = aftermath(files);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().evidence,
            "9 times something was sent again in " + kWrite + " and 1 more");
}

TEST(Aftermath, ALinkIsNoFasterForOneOfItsNameInAnotherFile) {
  const std::vector<ResultFile> files = {file_of(write({{"Gbps", 13}})),
                                         file_of(write({{"Gbps", 98}}))};
  const auto found = aftermath(files);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().id, "adapter-degraded");
}

TEST(Aftermath, CongestionThatWasSignalled) {
  EXPECT_THAT(ids_in({write(Json::object(), "suspect: rp_cnp_handled +3 on rocep1s0f0")}),
              ElementsAre("congestion"));
}

TEST(Aftermath, SmallPackets) {
  EXPECT_THAT(ids_in({write({{"mtu", 1024}})}), ElementsAre("mtu-1500"));
}

TEST(Aftermath, ALinkFarBelowWhatItCan) {
  EXPECT_THAT(ids_in({write({{"Gbps", 13}})}), ElementsAre("adapter-degraded"));
  EXPECT_THAT(ids_in({write({{"Gbps", 13}, {"retransmits", 1}})}), ElementsAre("packet-loss"));
  EXPECT_THAT(ids_in({write({{"Gbps", 40}})}), IsEmpty()) << "slow, but not in that way";
  EXPECT_THAT(ids_in({write({{"Gbps", 9}, {"bound_Gbps", 9.4}})}), IsEmpty());
}

TEST(Aftermath, AHalfThatCarriedNothing) {
  const auto both = [](double first, double second) {
    return point("rdma_links/links:roceP2p1s0f0+rocep1s0f0/from:0/to:1/bytes:65536",
                 {{"bytes", 65536},
                  {"links", 2},
                  {"GBps_roceP2p1s0f0", first},
                  {"GBps_rocep1s0f0", second}});
  };
  const auto found = found_in({both(0.01, 12)});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().id, "one-half-only");
  EXPECT_THAT(found.front().evidence, HasSubstr("roceP2p1s0f0 carried 0.01 GB/s"));
  EXPECT_THAT(ids_in({both(11, 12)}), IsEmpty());
}

TEST(Aftermath, ASizeThatFallsOffTheCurve) {
  const auto reduce = [](int bytes, double rate) {
    return point("all_reduce/backend:mpi/timing:chained/bytes:" + std::to_string(bytes),
                 {{"bytes", bytes}, {"bus_GBps", rate}});
  };
  const auto found = found_in({reduce(65536, 2), reduce(131072, 0.5), reduce(1048576, 10)});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().id, "size-cliff");
  EXPECT_EQ(found.front().evidence,
            "all_reduce/backend:mpi/timing:chained: 2 GB/s at 64 KiB and 0.5 GB/s at 128 KiB");
  EXPECT_THAT(ids_in({reduce(65536, 2), reduce(131072, 1.5)}), IsEmpty());
}

TEST(Aftermath, IsToldWithWhatToDo) {
  const Json document = {{"context", {{"wiretax_schema", 1}, {"wiretax_status", "complete"}}},
                         {"benchmarks", {write({{"mtu", 1024}})}}};
  const std::vector<ResultFile> files = {parse_result_file(document.dump(), "file.json")};
  const auto text = aftermath_text(files, Ink(Colour::kNever));
  EXPECT_THAT(text, HasSubstr("  mtu-1500: a path MTU of 1024 in " + kWrite));
  EXPECT_THAT(text, HasSubstr("    fix: " + find_symptom("mtu-1500").fix));
  EXPECT_EQ(aftermath_text({}, Ink(Colour::kNever)), "");
}

TEST(Aftermath, OfARecordedRunOfFourRanks) {
  const std::vector<ResultFile> files = {
      read_result_file(WIRETAX_TEST_DATA "/links/four_ranks.json")};
  const auto found = aftermath(files);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().id, "packet-loss");
}

}  // namespace
}  // namespace wiretax
