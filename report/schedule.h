#pragma once

// A step's messages rank by rank, in the order in which an engine sends them: what wiretax-token
// replays.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "report/traffic.h"

namespace wiretax {

/// `stages` of a pipeline, each of `group` ranks that share every layer. Stage s has the ranks from
/// s * group on.
struct Split {
  std::uint64_t group = 1;
  std::uint64_t stages = 1;

  [[nodiscard]] std::uint64_t ranks() const { return group * stages; }
  bool operator==(const Split&) const = default;
};

/// Whether so many ranks can share every layer.
bool divides(const Model& model, std::uint64_t ranks);

/// "tp2", "pp2", "tp2pp2". Throws std::invalid_argument.
Split parse_split(std::string_view name);

/// `count` equal messages, one after the other, among `ranks`: the members of a collective, or the
/// sender and the receiver of a send_recv.
struct ScheduleStep {
  std::string operation;
  std::uint64_t bytes = 0;
  std::uint64_t count = 0;
  std::vector<int> ranks;
  std::string purpose;

  bool operator==(const ScheduleStep&) const = default;
};

/// One step for one micro-batch of these tokens, from the embedding to the sampled tokens; each
/// rank goes through the entries that name it, in order. Between stages every rank sends its part
/// of hidden state and residual to its counterpart, and what arrives is gathered, as vLLM does.
/// Throws std::invalid_argument where the model does not divide, or has too few layers.
std::vector<ScheduleStep> schedule_of(const Model& model, const Split& split,
                                      const StepTokens& tokens);

}  // namespace wiretax
