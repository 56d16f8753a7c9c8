#include "report/memory_read.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "report/units.h"

namespace wiretax {
namespace {

constexpr double kLongEnough = 300;  // us; of shorter pauses much is their beginning and end

double pause_us(const Record& record) { return std::atof(std::string(record.key("gap")).c_str()); }

}  // namespace

std::string limit_efficiency(std::span<const ResultFile> files, Machine& machine) {
  double most = 0;  // GB/s
  std::string file_name;
  for (const auto& file : files) {
    const auto reader = file.context_value("memory_reader");
    if (reader.empty() || reader != machine.gpu) continue;
    for (const auto& record : file.records) {
      const auto read = record.measured() ? record.counter("read_GBps") : std::nullopt;
      if (!read || *read <= most || pause_us(record) < kLongEnough) continue;
      most = *read;
      file_name = file.path.filename().string();
    }
  }
  if (most <= 0) return {};
  auto& efficiency = machine.efficiency;
  efficiency.high = std::min(1.0, most * kGigabyte / machine.memory_bytes_per_s);
  efficiency.mid = std::min(efficiency.mid, efficiency.high);
  efficiency.low = std::min(efficiency.low, efficiency.high);
  return fmt::format(
      "memory efficiency is at most {:.2f}, since the {} read {:.0f} GB/s in pauses ({})",
      efficiency.high, machine.gpu, most, file_name);
}

}  // namespace wiretax
