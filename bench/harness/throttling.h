#pragma once

#include <cstdint>
#include <filesystem>

namespace wiretax::bench {

/// Watches for processors that are slowed down because they are hot or short of power, from its
/// construction on. Where the kernel tells nothing of it (most virtual machines), it sees nothing.
/// Sources: thermal_throttle of x86 (arch/x86/kernel/cpu/mce/therm_throt.c), and the kernel's
/// cooling devices (Documentation/driver-api/thermal/sysfs-api.rst), which Arm machines have.
class Throttling {
 public:
  explicit Throttling(std::filesystem::path sysfs = "/sys");
  /// A throttling event was counted since, or the processors are being held back now.
  [[nodiscard]] bool seen() const;

 private:
  [[nodiscard]] std::uint64_t events() const;
  [[nodiscard]] bool held_back() const;

  std::filesystem::path sysfs_;
  std::uint64_t events_before_;
};

}  // namespace wiretax::bench
