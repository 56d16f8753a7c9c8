#pragma once

// Seconds per decode step: notes/cost-model, section 3. Everything a step is made of is worked out
// once per strategy; what then depends on the assumptions is a handful of multiplications, so the
// whole box of assumptions can be swept.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "report/fabric.h"
#include "report/machine.h"
#include "report/model.h"
#include "report/pricing.h"

namespace wiretax {

enum class Strategy {
  kSingle,
  kTensorParallel,
  kPipeline,
  kReplicas,
  kTensorPipeline,    // a pipeline whose stages are tensor-parallel groups
  kSequenceParallel,  // tensor parallelism with reduce_scatter and all_gather
  kExpertParallel,    // each machine its own sequences, experts dealt out; all_gather
  kExpertAllToAll,    // the same with all_to_all
};

/// How the machines share the work. `group` is the machines of a tensor-parallel stage.
struct Layout {
  Strategy strategy = Strategy::kSingle;
  std::uint64_t group = 1;
};

/// "tp1", "tp2", "pp2", "replicas2", "tp2pp2", "tp2sp", "ep2", "ep2a2a".
std::string strategy_name(const Layout& layout, std::uint64_t ranks);

/// "sp", "ep" or "ep-alltoall": forms that are priced only where asked for. Throws
/// std::invalid_argument.
Strategy parse_strategy(std::string_view name);

struct Workload {
  std::uint64_t batch = 1;       // sequences decoded together, over all machines
  std::uint64_t context = 1024;  // mean tokens of KV cache of a sequence
  std::uint64_t ranks = 2;
  std::uint64_t drafts = 0;          // tokens that are guessed for each sequence before a step
  double accepted = 0;               // of those, how many are right: a mean
  std::vector<Strategy> extra = {};  // strategies beyond the usual ones

  /// Tokens that a step yields, of all sequences.
  [[nodiscard]] double tokens() const { return static_cast<double>(batch) * (1 + accepted); }
};

/// One point in the box of assumptions. `wire` goes from -1 (all times at their low end) through 0
/// to 1 (high end).
struct Assumptions {
  double efficiency = .8;
  double fixed_s = .005;
  double gamma = 1;
  double wire = 0;
  double prefill_flops_per_s = 0;  // 0: not known; only reading prompts feels it
};

struct Parts {
  double weights_s = 0;
  double kv_s = 0;  // the KV cache, and the state of linear attention
  double wire_s = 0;
  double compute_s = 0;  // what computing takes beyond reading, 0 where memory is the limit
  double fixed_s = 0;

  [[nodiscard]] double total() const { return weights_s + kv_s + wire_s + compute_s + fixed_s; }
};

/// Weights that one machine reads in `passes` passes. Shares are of the model's, or of one draft
/// module and the head.
struct Read {
  bool draft = false;
  double passes = 1;
  double tokens = 1;  // of one pass; they decide how many experts are needed
  double layer_share = 1;
  double expert_share = 1;
  double head_share = 1;
  double fixed_bytes = 0;   // of layers and head, all passes
  double expert_bytes = 0;  // of experts, all passes, were all needed
};

/// What one machine keeps for its sequences and moves in `passes` passes.
struct CacheTraffic {
  double sequences = 0;
  double passes = 1;
  double cache_bytes = 0;  // of one sequence: KV read
  double state_bytes = 0;  // of one sequence: state of linear attention, read and written
  double draft_bytes = 0;  // of one sequence: KV read by all draft passes

  [[nodiscard]] double total() const {
    return passes * sequences * (cache_bytes + state_bytes + draft_bytes);
  }
};

/// One chain of work that has to be through before a step is; the longest decides.
struct Path {
  std::string what;
  std::vector<Read> reads = {};
  CacheTraffic cache;
  double operations = 0;  // floating point
  double fixed_share = 1;
  std::vector<PricedMessage> messages = {};
  Band wire_s = {};  // of all messages

  [[nodiscard]] Parts parts(const Model& model, const Machine& machine,
                            const Assumptions& at) const;
  /// Adds messages, each `times` as often, and their time.
  void send(std::vector<PricedMessage> more, std::uint64_t times = 1);
};

/// What a strategy needs for one step in which every sequence gets its tokens.
struct Plan {
  Strategy strategy = Strategy::kSingle;
  Layout layout;
  std::string name;
  std::vector<Path> paths;  // of a pipeline: the way through all stages, then the fullest stages
  std::string reason;       // why it cannot run: memory, indivisible heads; empty where it can
  std::vector<std::string> notes;  // sizes outside the measured ones, rules in place of curves

  [[nodiscard]] bool fits() const { return reason.empty(); }
  [[nodiscard]] Parts parts(const Model& model, const Machine& machine,
                            const Assumptions& at) const;
  /// The path that decides at these assumptions.
  [[nodiscard]] const Path& longest(const Model& model, const Machine& machine,
                                    const Assumptions& at) const;
};

/// All strategies that there are for workload.ranks: only the single machine for 1.
std::vector<Plan> plan_strategies(const Model& model, const Machine& machine, const Fabric& fabric,
                                  const Workload& workload);

/// The all-reduce of one layer: its size and its time, and how long one could take before tensor
/// parallelism is no faster than one machine (fitting or not) at the same assumptions.
struct AllReduceBalance {
  std::uint64_t bytes = 0;
  Band time_s;
  CurveRange range = CurveRange::kMeasured;  // where that time is from
  double break_even_s = 0;
  std::uint64_t count = 0;  // per step, those of drafts too
};

AllReduceBalance all_reduce_balance(const Model& model, const Machine& machine,
                                    const Fabric& fabric, const Workload& workload,
                                    const Assumptions& at);

}  // namespace wiretax
