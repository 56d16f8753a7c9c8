#include "bench/harness/clock.h"

#include <time.h>

#include <algorithm>
#include <array>

namespace wiretax::bench {
namespace {

constexpr double kTicksPerSpan = 1000;
constexpr double kReadingsPerSpan = 20;

ClockProperties measure_clock() {
  std::array<double, 4096> readings{};
  for (double& reading : readings) reading = now_s();
  const double cost = (readings.back() - readings.front()) / (readings.size() - 1);
  // Differences between readings are multiples of the tick, so the smallest gap between two
  // distinct differences is the tick, even where one reading takes many ticks.
  std::array<double, readings.size() - 1> steps{};
  for (std::size_t i = 0; i < steps.size(); ++i) steps[i] = readings[i + 1] - readings[i];
  std::ranges::sort(steps);
  constexpr double kSameStep = 0.5e-9;
  double tick = std::max(steps.back(), 1e-9);
  for (std::size_t i = 1; i < steps.size(); ++i) {
    if (const double gap = steps[i] - steps[i - 1]; gap > kSameStep) tick = std::min(tick, gap);
  }
  return {tick, cost};
}

}  // namespace

double now_s() noexcept {
  timespec reading{};
  clock_gettime(CLOCK_MONOTONIC_RAW, &reading);
  return static_cast<double>(reading.tv_sec) + static_cast<double>(reading.tv_nsec) * 1e-9;
}

const ClockProperties& clock_properties() {
  static const ClockProperties kProperties = measure_clock();
  return kProperties;
}

double shortest_span_s() {
  const auto& clock = clock_properties();
  return std::max(kTicksPerSpan * clock.tick_s, kReadingsPerSpan * clock.cost_s);
}

}  // namespace wiretax::bench
