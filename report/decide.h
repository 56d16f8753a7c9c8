#pragma once

// TP, PP or replicas? Every strategy is priced over a box of assumptions, and the strategies are
// compared with each other at the same point of the box, never range against range.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "report/cost.h"
#include "report/fabric.h"
#include "report/machine.h"
#include "report/model.h"
#include "report/serving.h"

namespace wiretax {

struct Request {
  std::vector<Model> models;
  std::vector<std::uint64_t> batches;
  std::uint64_t context = 1024;  // mean tokens of KV cache of a sequence
  std::uint64_t ranks = 2;
  Machine machine;  // its efficiency and fixed_s are two sides of the box
  Band gamma = kUsualGamma;
  std::uint64_t drafts = 0;           // tokens guessed for each sequence before a step
  double accepted = 0;                // of those, how many are right: a mean
  std::vector<Strategy> extra;        // strategies beyond the usual ones
  std::optional<RequestShape> shape;  // of the requests, where serving them is asked for
  bool why = false;                   // rows come with their derivation
  std::vector<Fabric> fabrics;
  std::vector<std::string> notes;  // what the choice of fabrics left out
  std::string unusable;            // why none of the given files has a say, where none has

  /// The answers are of prompts and answers together, not of decode steps.
  [[nodiscard]] bool judges_requests() const {
    return shape.has_value() && machine.prefill_flops_per_s.has_value();
  }
  /// One of `fabrics`.
  [[nodiscard]] const Fabric& fabric(std::string_view name) const {
    const auto found = std::ranges::find(fabrics, name, &Fabric::name);
    if (found == fabrics.end()) throw std::out_of_range("a fabric that nobody asked about");
    return *found;
  }
  [[nodiscard]] Workload workload(std::uint64_t batch) const {
    return {batch, context, ranks, drafts, accepted, extra};
  }
};

/// One strategy of one model, batch and fabric. Where it does not fit, the bands are 0.
struct Row {
  std::string model;
  std::string quant;
  std::uint64_t batch = 1;
  std::uint64_t context = 0;
  std::string fabric;
  std::string strategy;
  bool fits = false;
  Band step_s;                                 // in which every sequence gets one token
  Band tokens_per_s;                           // of all sequences
  Parts parts;                                 // of the middle
  std::optional<AllReduceBalance> all_reduce;  // tensor parallelism only, where it runs
  std::optional<double> break_even_s;          // of that all-reduce, against the best rival
  std::string rival;                           // the strategy that is
  std::string reason;                          // why it cannot run
  std::optional<Serving> serving;              // where the request has a shape
  std::vector<std::string> why;                // the derivation, where asked for
};

enum class AnswerKind { kClear, kTooClose, kNotANetwork, kNotYourEnginesPath, kNothingFits };

/// "clear", "too_close", "not_a_network", "not_your_engines_path" or "nothing_fits".
std::string_view answer_kind_name(AnswerKind kind);

struct Answer {
  std::string model;
  std::string quant;
  std::uint64_t batch = 1;
  std::uint64_t context = 0;
  std::string fabric;
  AnswerKind kind = AnswerKind::kNothingFits;
  std::vector<std::string> winner;      // strategies within 2 % of each other, the fastest first
  std::vector<std::string> contenders;  // where too close: the one ahead in the middle, and the one
                                        // that is ahead somewhere else
  std::string flips_on;                 // the assumption that changes the order, where too close
  std::string sentence;                 // the answer in plain words
};

/// Batches from `from_batch` to `to_batch` have the same answer on a fabric that decides.
struct Stretch {
  std::string model;
  std::string quant;
  std::string fabric;
  std::uint64_t from_batch = 1;
  std::uint64_t to_batch = 1;
  AnswerKind kind = AnswerKind::kNothingFits;
  std::vector<std::string> winner;
};

/// Tensor parallelism when NCCL takes one path or falls back to it without a word. Nobody measured
/// it where `fabric` is empty; then only the break-even is known.
struct Fallback {
  std::string model;
  std::string quant;
  std::uint64_t batch = 1;
  FabricPath path = FabricPath::kUnknown;
  std::string fabric;
  bool decides = false;  // the fabric carries the engine's messages
  double step_s = 0;     // in the middle of the assumptions, like all that follows
  double tokens_per_s = 0;
  double all_reduce_s = 0;
  std::uint64_t all_reduce_bytes = 0;
  std::optional<double> break_even_s;  // of the all-reduce, against the best rival
  std::string rival;
};

struct Decision {
  std::vector<Row> rows;
  std::vector<Answer> answers;
  std::vector<Stretch> stretches;  // the batches at which an answer changes
  std::vector<Fallback> fallbacks;
  std::vector<std::string> notes;  // what was assumed beyond the box, each once
};

Decision decide(const Request& request);

/// The form that the page and scripts read (schema 1).
std::string decision_json(const Request& request, const Decision& decision);

}  // namespace wiretax
