#include "bench/harness/throttling.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace wiretax::bench {
namespace {

/// A made-up /sys: no machine overheats when a test wants it to.
class ThrottlingTest : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove_all(sysfs_); }
  void TearDown() override { std::filesystem::remove_all(sysfs_); }

  void write(const std::string& file, const std::string& text) {
    std::filesystem::create_directories((sysfs_ / file).parent_path());
    std::ofstream(sysfs_ / file) << text << "\n";
  }

  std::filesystem::path sysfs_ =
      std::filesystem::path(::testing::TempDir()) / ("wiretax_sysfs_" + std::to_string(getpid()));
};

TEST_F(ThrottlingTest, NothingIsSeenWhereTheKernelTellsNothing) {
  EXPECT_FALSE(Throttling(sysfs_).seen());
}

TEST_F(ThrottlingTest, OnlyEventsSinceTheStartCount) {
  write("devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "7");
  write("devices/system/cpu/cpu1/thermal_throttle/package_throttle_count", "0");
  const Throttling throttling(sysfs_);
  EXPECT_FALSE(throttling.seen());
  write("devices/system/cpu/cpu1/thermal_throttle/package_throttle_count", "1");
  EXPECT_TRUE(throttling.seen());
}

TEST_F(ThrottlingTest, AProcessorsCoolingDeviceAtWorkIsSeen) {
  write("class/thermal/cooling_device0/type", "Fan");
  write("class/thermal/cooling_device0/cur_state", "3");
  write("class/thermal/cooling_device1/type", "cpufreq-cpu0");
  write("class/thermal/cooling_device1/cur_state", "0");
  const Throttling throttling(sysfs_);
  EXPECT_FALSE(throttling.seen()) << "a fan does not slow anything";
  write("class/thermal/cooling_device1/cur_state", "2");
  EXPECT_TRUE(throttling.seen());
}

}  // namespace
}  // namespace wiretax::bench
