#include "report/machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "report/catalogue.h"
#include "report/embedded.h"

namespace wiretax {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Json = nlohmann::json;

Json good() {
  return {{"name", "box"},
          {"memory_gib", 64},
          {"reserve_gib", 4},
          {"memory_GBps", 100},
          {"efficiency", {{"low", .5}, {"mid", .7}, {"high", .9}}},
          {"fixed_ms", {{"low", 1}, {"mid", 2}, {"high", 3}}},
          {"compute_tflops", 10}};
}

std::string reason_of(const Json& json) {
  try {
    parse_machine(json.dump(), "box.json");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Machine, TheSparkIsInSiUnits) {
  const auto spark = find_machine("DGX-Spark");
  EXPECT_DOUBLE_EQ(spark.memory_bytes, 121.6 * 1024 * 1024 * 1024);
  EXPECT_DOUBLE_EQ(spark.memory_bytes_per_s, 273e9);
  EXPECT_EQ(spark.efficiency, (Band{.61, .8, 1}));
  EXPECT_EQ(spark.fixed_s, (Band{3 * 1e-3, 5 * 1e-3, 8 * 1e-3}));
  EXPECT_FALSE(spark.compute_verified);
  EXPECT_THAT(spark.sources.at("compute_tflops"), HasSubstr("not verified"));
  EXPECT_EQ(find_machine("gb10").name, "dgx-spark");
}

TEST(Machine, AFileIsAMachineToo) {
  const auto path =
      std::filesystem::path(testing::TempDir()) / ("box_" + std::to_string(getpid()) + ".json");
  std::ofstream(path) << good().dump();
  EXPECT_DOUBLE_EQ(find_machine(path.string()).memory_bytes_per_s, 100e9);
  std::filesystem::remove(path);
}

TEST(Machine, ThePrefillRateIsKnownOnlyWhereTheFileSaysSo) {
  EXPECT_FALSE(find_machine("dgx-spark").prefill_flops_per_s);
  auto calibrated = good();
  calibrated["prefill_tflops"] = {{"low", 40}, {"mid", 50}, {"high", 60}};
  EXPECT_EQ(parse_machine(calibrated.dump(), "box.json").prefill_flops_per_s,
            (Band{40e12, 50e12, 60e12}));
}

TEST(MachineErrors, NameTheFileAndTheField) {
  struct Mistake {
    const char* field;
    Json value;
    const char* complaint;
  };
  const std::vector<Mistake> cases = {
      {"memory_gib", -1, "-1 is not above 0"},
      {"memory_gib", "much", "\"much\" is not a number"},
      {"memory_GBps", nullptr, "missing"},
      {"reserve_gib", 64, "leaves nothing"},
      {"efficiency", .8, "not an object of low, mid and high"},
      {"efficiency", {{"low", .5}, {"mid", .7}, {"high", 1.2}}, "at most 1"},
      {"fixed_ms", {{"low", 3}, {"mid", 2}, {"high", 4}}, "not low <= mid <= high"},
      {"fixed_ms", {{"low", 3}, {"high", 4}}, "missing"},
      {"prefill_tflops", 50, "not an object of low, mid and high"},
      {"name", 3, "is not a text"},
      {"sources", {{"memory_gib", 7}}, "is not a text"},
  };
  for (const auto& bad : cases) {
    auto machine = good();
    machine[bad.field] = bad.value;
    EXPECT_THAT(reason_of(machine),
                AllOf(HasSubstr("box.json: "), HasSubstr(bad.field), HasSubstr(bad.complaint)));
  }
}

TEST(MachineErrors, AnUnknownNameListsTheKnownOnes) {
  try {
    find_machine("dgx-spork");
    FAIL() << "was found";
  } catch (const UnknownName& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("'dgx-spork'"), HasSubstr("near: dgx-spark")));
  }
}

// CMake eats ';' and treats '[' ']' specially in lists, so the embedded text could differ.
TEST(Embedded, FilesAreInTheProgramByteForByte) {
  const auto check = [](const std::vector<EmbeddedFile>& files, const char* folder) {
    const auto root = std::filesystem::path(WIRETAX_TEST_DATA) / "../../report" / folder;
    EXPECT_FALSE(files.empty());
    for (const auto& file : files) {
      std::ifstream stream(root / (std::string(file.name) + ".json"), std::ios::binary);
      const std::string text((std::istreambuf_iterator<char>(stream)), {});
      EXPECT_EQ(file.text, text) << file.name;
    }
  };
  check(kEmbeddedModels, "models");
  check(kEmbeddedMachines, "machines");
  check(kEmbeddedProfiles, "profiles");
}

}  // namespace
}  // namespace wiretax
