#include "report/memory_read.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace wiretax {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

ResultFile file_of(const std::string& reader, double read_GBps) {
  Json context = {{"wiretax_schema", 1}, {"wiretax_status", "complete"}};
  if (!reader.empty()) context["memory_reader"] = reader;
  const Json row = {{"name", "all_reduce/backend:nccl/timing:gapped/gap:500/bytes:10240"},
                    {"run_type", "iteration"},
                    {"real_time", 340.0},
                    {"time_unit", "us"},
                    {"label", "valid"},
                    {"read_GBps", read_GBps}};
  return parse_result_file(Json{{"context", context}, {"benchmarks", {row}}}.dump(),
                           "collectives-nccl.json");
}

TEST(MemoryRead, OfTheMachinesOwnGpuIsTheUpperEnd) {
  auto machine = find_machine("dgx-spark");
  const std::vector files = {file_of("NVIDIA GB10", 240.24)};
  EXPECT_THAT(limit_efficiency(files, machine), HasSubstr("at most 0.88, since the NVIDIA GB10"));
  EXPECT_NEAR(machine.efficiency.high, 240.24 / 273, 1e-9);
  EXPECT_EQ(machine.efficiency.mid, 0.8) << "what is below stays";
}

TEST(MemoryRead, NeverLeavesTheMiddleAboveTheEnd) {
  auto machine = find_machine("dgx-spark");
  const std::vector files = {file_of("NVIDIA GB10", 273 / 2.0)};
  limit_efficiency(files, machine);
  EXPECT_EQ(machine.efficiency, (Band{0.5, 0.5, 0.5}));
}

TEST(MemoryRead, OfAnotherGpuOrOfACoreSaysNothing) {
  for (const auto* const reader : {"NVIDIA H200", ""}) {
    auto machine = find_machine("dgx-spark");
    const auto before = machine.efficiency;
    const std::vector files = {file_of(reader, 100)};
    EXPECT_EQ(limit_efficiency(files, machine), "") << reader;
    EXPECT_EQ(machine.efficiency, before);
  }
}

}  // namespace
}  // namespace wiretax
