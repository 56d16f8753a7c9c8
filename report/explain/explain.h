#pragma once

// Why somebody's tokens per second are what they are: cost-model, section 4. Is it possible at all,
// what does it leave for the wire, what wire is like that, and what else could it be.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "report/explain/claim.h"
#include "report/explain/implied.h"
#include "report/fabric.h"

namespace wiretax {

/// Tokens/s that the same strategy reaches on a fabric, over the box of assumptions.
struct Expected {
  std::string fabric;
  bool published = false;
  Band tokens_per_s;
};

/// Tokens a step that memory allows, and the drafts that it takes.
struct Drafting {
  double tokens_per_step = 1;
  std::uint64_t drafts = 0;
};

/// What one observation says.
struct Reading {
  Observation seen;
  double seen_s = 0;   // of a step, or of reading the prompts
  double floor_s = 0;  // reading memory at its full bandwidth and nothing else; 0: not known
  bool possible = true;
  double needed_tokens_per_step = 0;  // of a sequence, where it is not possible: at least
  std::optional<Drafting> drafting;   // likewise, with what the drafts themselves read
  double needed_bytes_per_s = 0;      // of a machine's memory, likewise
  std::optional<ImpliedWire> wire;    // tensor parallelism only
  bool at_most = false;               // its times are upper bounds: only an order was seen
  std::string rest_from;              // what the rest is taken from
  std::string cannot;                 // why nothing, or no more, can be said
  std::vector<Expected> expected;
  std::vector<std::string> notes;  // what was not measured of the fabrics, what was assumed

  [[nodiscard]] double ceiling_tokens_per_s() const { return seen.tokens_per_s * seen_s / floor_s; }
  /// Some time is left for the wire, at least under the assumptions that are kindest to it.
  [[nodiscard]] bool tells_of_the_wire() const { return wire && possible && wire->each_s.high > 0; }
  /// The wire takes time under all assumptions.
  [[nodiscard]] bool bounds_the_wire() const { return tells_of_the_wire() && wire->each_s.low > 0; }
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
  FabricPath path = FabricPath::kUnknown;
  double least = 0;
  double most = 0;
  // How many times the nearest end of the fabric's own range a test takes, 1 inside of it: of the
  // slowest test, and of the fastest.
  double slowest = 0;
  double fastest = 0;
  double distance = 0;  // of the middles: the mean of the logarithms

  /// All that was seen fits the curve and its range.
  [[nodiscard]] bool fits() const { return slowest <= 1 && fastest >= 1; }
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
  std::vector<CurveMatch> matches;  // the nearest first
  std::vector<Prediction> predictions;
  std::vector<Hypothesis> hypotheses;
  std::vector<std::string> notes;
  std::string sentence;
  std::string next;  // the command to type

  /// The reading with the most bytes in an all-reduce that tells of the link's rate, or nullptr.
  [[nodiscard]] const Reading* widest() const;
  [[nodiscard]] const Reading* narrowest() const;
  [[nodiscard]] bool possible() const;
  [[nodiscard]] Fit fit_of(std::string_view hypothesis) const;
  void note(std::string text);
};

Explanation explain(const Claim& claim, std::span<const Fabric> fabrics);

/// Sizes that one fabric cannot have both: the smaller message takes longer, whatever the
/// assumptions. Only between claims of the same fabric; the widest gap of each.
std::vector<std::string> conflicts(std::span<const Explanation> explanations);

/// Of tensor parallelism that is not impossible.
std::vector<Hypothesis> weigh_hypotheses(const Explanation& explanation);

/// Bytes from which on a time tells of the link's rate more than of its latency.
constexpr std::uint64_t kRateBytes = std::uint64_t{1} << 20;

}  // namespace wiretax
