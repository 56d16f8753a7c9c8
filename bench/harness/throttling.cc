#include "bench/harness/throttling.h"

#include <fstream>
#include <string>
#include <system_error>
#include <utility>

namespace wiretax::bench {
namespace {

std::uint64_t count_in(const std::filesystem::path& path) {
  std::uint64_t count = 0;
  std::ifstream(path) >> count;
  return count;
}

/// Names as drivers/thermal/cpufreq_cooling.c and drivers/acpi/processor_thermal.c give them.
bool cools_processors(const std::filesystem::path& device) {
  std::string type;
  std::ifstream(device / "type") >> type;
  return type == "Processor" || type.find("cpufreq") != std::string::npos;
}

std::filesystem::directory_iterator entries(const std::filesystem::path& folder) {
  std::error_code missing;
  return std::filesystem::directory_iterator(folder, missing);
}

}  // namespace

Throttling::Throttling(std::filesystem::path sysfs)
    : sysfs_(std::move(sysfs)), events_before_(events()) {}

bool Throttling::seen() const { return events() > events_before_ || held_back(); }

std::uint64_t Throttling::events() const {
  std::uint64_t all = 0;
  for (const auto& cpu : entries(sysfs_ / "devices/system/cpu")) {
    const auto counts = cpu.path() / "thermal_throttle";
    all += count_in(counts / "core_throttle_count") + count_in(counts / "package_throttle_count");
  }
  return all;
}

bool Throttling::held_back() const {
  for (const auto& device : entries(sysfs_ / "class/thermal")) {
    if (cools_processors(device.path()) && count_in(device.path() / "cur_state") > 0) return true;
  }
  return false;
}

}  // namespace wiretax::bench
