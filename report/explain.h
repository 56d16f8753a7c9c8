#pragma once

// Why somebody's tokens per second are what they are: cost-model, section 4. Is it possible at all,
// what does it leave for the wire, what wire is like that, and what else could it be.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "report/claim.h"
#include "report/fabric.h"
#include "report/implied.h"

namespace wiretax {

/// Tokens/s that the same strategy reaches on a fabric, over the box of assumptions.
struct Expected {
  std::string fabric;
  bool published = false;
  Band tokens_per_s;
};

/// What one observation says.
struct Reading {
  Observation seen;
  double seen_s = 0;   // of a step, or of reading the prompts
  double floor_s = 0;  // reading memory at its full bandwidth and nothing else; 0: not known
  bool possible = true;
  double needed_tokens_per_step = 0;  // of a sequence, where it is not possible: at least
  double needed_bytes_per_s = 0;      // of a machine's memory, likewise
  std::optional<ImpliedWire> wire;    // tensor parallelism only
  bool at_most = false;               // its times are upper bounds: only an order was seen
  std::string rest_from;              // what the rest is taken from
  std::string cannot;                 // why nothing, or no more, can be said
  std::vector<Expected> expected;

  [[nodiscard]] double ceiling_tokens_per_s() const { return seen.tokens_per_s * seen_s / floor_s; }
  /// The wire takes time under all assumptions.
  [[nodiscard]] bool tells_of_the_wire() const { return wire && possible && wire->each_s.low > 0; }
};

/// `fabrics` for the claim's ranks. Throws std::invalid_argument where the model cannot be split
/// that way.
Reading read_observation(const Claim& claim, const Observation& seen,
                         std::span<const Fabric> fabrics);
/// The claim is only that it is faster than `rival` at that concurrency.
Reading read_order(const Claim& claim, const ParsedStrategy& rival, const Observation& at);

/// How many times a fabric's all-reduces the implied ones take, over sizes and assumptions.
struct CurveMatch {
  std::string fabric;
  bool published = false;
  double least = 0;
  double most = 0;
};

/// What the smallest and the largest message imply, carried to the sizes between: log-log as
/// everywhere, and by the line that it is not.
struct Prediction {
  std::string name;
  double seen = 0;  // tokens/s, like the others
  double log_log = 0;
  double line = 0;
};

enum class Fit { kConsistent, kPartly, kRefuted, kUntold };
std::string_view fit_name(Fit fit);

/// What else could be behind it.
struct Hypothesis {
  std::string id;
  std::string what;
  Fit fit = Fit::kUntold;
  std::string because;
  std::string confirm;
  std::string refute;
};

struct Explanation {
  const Claim* claim = nullptr;
  std::vector<Reading> readings;
  std::vector<CurveMatch> matches;
  std::vector<Prediction> predictions;
  std::vector<Hypothesis> hypotheses;
  std::vector<std::string> notes;
  std::string sentence;
  std::string next;  // the command to type

  /// The reading with the most bytes in an all-reduce that tells of the link's rate, or nullptr.
  [[nodiscard]] const Reading* widest() const;
  [[nodiscard]] const Reading* narrowest() const;
  [[nodiscard]] bool possible() const;
};

Explanation explain(const Claim& claim, std::span<const Fabric> fabrics);

/// Sizes that one fabric cannot have both: the smaller message takes longer, whatever the
/// assumptions. Only between claims of the same fabric.
std::vector<std::string> conflicts(std::span<const Explanation> explanations);

/// Of tensor parallelism that is not impossible.
std::vector<Hypothesis> weigh_hypotheses(const Explanation& explanation);

/// Bytes from which on a time tells of the link's rate more than of its latency.
constexpr std::uint64_t kRateBytes = std::uint64_t{1} << 20;

}  // namespace wiretax
