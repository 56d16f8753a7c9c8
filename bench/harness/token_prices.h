#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "report/schedule.h"

namespace wiretax::bench {

/// What a curve is measured of: the operation, its size and who takes part, in order: a message
/// takes as long one way as the other, since its curve is of there and back.
using MessageKind = std::tuple<std::string, std::uint64_t, std::vector<int>>;
MessageKind kind_of(const ScheduleStep& step);

/// From one rank to another, and not among several.
bool is_one_way(const ScheduleStep& step);

/// What a token's messages cost by the curves of the same run.
class TokenPrices {
 public:
  using Seconds = std::map<std::string, double>;  // by operation

  /// A point of a curve.
  void add(const ScheduleStep& step, double time_s) { times_s_[kind_of(step)] = time_s; }
  /// Of messages that travel side by side, such as those of one stage's ranks to the next, the
  /// slowest counts. Nothing where a curve is missing.
  [[nodiscard]] std::optional<Seconds> of(const std::vector<ScheduleStep>& steps) const;

 private:
  std::map<MessageKind, double> times_s_;
};

}  // namespace wiretax::bench
