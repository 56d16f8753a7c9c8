#pragma once

// What decide works on, shared by the files that answer parts of the question. Not for users of the
// library.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "report/cost.h"
#include "report/decide.h"
#include "report/verdict.h"

namespace wiretax {

/// One model and batch on one fabric, with every plan's step at every point of the box: a decode
/// step, or the cycle in which every request is read and answered.
struct Case {
  const Model& model;
  const Fabric& fabric;
  Workload workload;
  std::vector<Assumptions> points;
  std::vector<Plan> plans;
  std::vector<std::size_t> running;  // plans that fit
  Steps steps;                       // of those
  double tokens = 0;                 // that one of the steps yields
  bool one_of_several = false;       // other fabrics answer too
  std::string about;                 // what the steps are of, where it may be misunderstood
  bool whole_requests = false;       // the steps are cycles

  [[nodiscard]] const Plan& plan(std::size_t of_running) const {
    return plans[running[of_running]];
  }
  /// Tokens/s of all sequences, over the box.
  [[nodiscard]] Band rate(std::size_t of_running) const;
};

/// Decode steps.
Case make_case(const Request& request, const Model& model, const Fabric& fabric,
               std::uint64_t batch);

/// What the answer is about: whole requests where their shape and the prefill rate are known, and
/// decode steps otherwise.
Case judged_case(const Request& request, Case decoding);

/// The verdict without words. The fabric must be one that decides.
struct Outcome {
  AnswerKind kind = AnswerKind::kNothingFits;
  std::optional<Comparison> comparison;  // where anything fits
  std::vector<std::string> winner;

  /// What `before` recommends is still right: strategies that are equal may come and go beside it.
  [[nodiscard]] bool still(const Outcome& before) const;
};
Outcome outcome_of(const Case& at);

/// How long an all-reduce could take before tensor parallelism and its best rival change places, in
/// the middle of the assumptions.
struct TippingPoint {
  std::size_t tensor = 0;  // of the running plans
  std::size_t rival = 0;
  bool ahead = false;  // tensor parallelism is
  double limit_s = 0;  // below 0: no all-reduce is fast enough
};

/// All others, or only those that send nothing and so are the same on every fabric.
enum class Rivals { kAll, kSilent };

/// Nothing where tensor parallelism or any such rival cannot run.
std::optional<TippingPoint> tipping_point(const Case& at, const AllReduceBalance& balance,
                                          Rivals rivals = Rivals::kAll);

/// "TP=2", "one machine", "2 replicas".
std::string strategy_in_words(const Plan& plan, std::uint64_t ranks);

/// One line: the answer, its range, its rival's, and the all-reduce that it hangs on.
std::string answer_sentence(const Case& at, const Outcome& outcome, std::string_view flips_on,
                            const std::optional<AllReduceBalance>& balance);

/// Batches from 1 on with the same answer.
std::vector<Stretch> find_stretches(const Request& request, const Model& model,
                                    const Fabric& fabric);

/// Tensor parallelism on each path that NCCL may take or silently fall back to.
std::vector<Fallback> find_fallbacks(const Request& request, const Model& model,
                                     std::uint64_t batch);

}  // namespace wiretax
