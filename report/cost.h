#pragma once

// Seconds per decode step: notes/cost-model, section 3. Everything a step is made of is worked out
// once per strategy; what then depends on the assumptions is a handful of multiplications, so the
// whole box of assumptions can be swept.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "report/fabric.h"
#include "report/machine.h"
#include "report/model.h"

namespace wiretax {

enum class Strategy { kSingle, kTensorParallel, kPipeline, kReplicas };

/// "tp1", "tp2", "pp2", "replicas2".
std::string strategy_name(Strategy strategy, std::uint64_t ranks);

struct Workload {
  std::uint64_t batch = 1;       // sequences decoded together, over all machines
  std::uint64_t context = 1024;  // mean tokens of KV cache of a sequence
  std::uint64_t ranks = 2;
};

/// One point in the box of assumptions. `wire` goes from -1 (all times at their low end) through 0
/// to 1 (high end).
struct Assumptions {
  double efficiency = .8;
  double fixed_s = .005;
  double gamma = 1;
  double wire = 0;
};

struct Parts {
  double weights_s = 0;
  double kv_s = 0;  // the KV cache, and the state of linear attention
  double wire_s = 0;
  double compute_s = 0;  // what computing takes beyond reading, 0 where memory is the limit
  double fixed_s = 0;

  [[nodiscard]] double total() const { return weights_s + kv_s + wire_s + compute_s + fixed_s; }
};

/// One chain of work that has to be through before a step is; the longest decides.
struct Path {
  double tokens = 1;        // whose weights are read together
  double weight_share = 1;  // of the weights that these tokens need
  double kv_bytes = 0;      // KV cache read, state of linear attention read and written
  double operations = 0;    // floating point
  double fixed_share = 1;
  Band wire_s;
};

/// What a strategy needs for one step in which every sequence gets one token.
struct Plan {
  Strategy strategy = Strategy::kSingle;
  std::string name;
  std::vector<Path> paths;
  std::string reason;  // why it cannot run: memory, indivisible heads; empty where it can
  std::vector<std::string> notes;  // sizes outside the measured ones, rules in place of curves

  [[nodiscard]] bool fits() const { return reason.empty(); }
  [[nodiscard]] Parts parts(const Model& model, const Machine& machine,
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
  double break_even_s = 0;
  std::uint64_t count = 0;  // per step
};

AllReduceBalance all_reduce_balance(const Model& model, const Machine& machine,
                                    const Fabric& fabric, const Workload& workload,
                                    const Assumptions& at);

}  // namespace wiretax
