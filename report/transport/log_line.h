#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace wiretax {

/// "host:pid:tid [cudaDev]": the only thing in a line of NCCL that says who speaks.
struct Speaker {
  std::string_view host;
  std::uint64_t pid = 0;
  std::uint64_t tid = 0;
  int cuda_device = 0;
};

/// A line of NCCL without what mpirun, containers and clocks put before it. Views into the line.
struct LogLine {
  enum class Level { kInfo, kWarn, kVersion, kOther };

  Level level = Level::kOther;
  std::optional<Speaker> speaker;
  std::string_view text;  // behind "NCCL INFO "
  bool repeated = false;  // Ray says that it left out equal ones
};

/// Empty where NCCL did not write the line.
std::optional<LogLine> parse_log_line(std::string_view line);

}  // namespace wiretax
