#pragma once

namespace wiretax::bench {

/// The one clock: CLOCK_MONOTONIC_RAW in seconds since an arbitrary start, which no time daemon
/// bends.
double now_s() noexcept;

struct ClockProperties {
  double tick_s = 0;  // smallest step the clock makes
  double cost_s = 0;  // time one reading takes
};

/// Measured once, at the first call: 31.25 MHz timers tick every 32 ns, a TSC every nanosecond.
const ClockProperties& clock_properties();

/// Shortest span worth timing: 1000 ticks, and 20 readings so that the clock costs at most 5 %.
double shortest_span_s();

}  // namespace wiretax::bench
