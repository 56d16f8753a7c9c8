#pragma once

// TP, PP or replicas? Every strategy is priced over a box of assumptions, and the strategies are
// compared with each other at the same point of the box, never range against range.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "report/cost.h"
#include "report/fabric.h"
#include "report/machine.h"
#include "report/model.h"

namespace wiretax {

struct Request {
  std::vector<Model> models;
  std::vector<std::uint64_t> batches;
  std::uint64_t context = 1024;  // mean tokens of KV cache of a sequence
  std::uint64_t ranks = 2;
  Machine machine;          // its efficiency and fixed_s are two sides of the box
  Band gamma = {.5, 1, 1};  // overlap of routed experts, see Model::coverage
  std::vector<Fabric> fabrics;
  std::vector<std::string> notes;  // what the choice of fabrics left out
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
  std::optional<AllReduceBalance> all_reduce;  // tensor parallelism only
  std::string reason;                          // why it does not fit
};

enum class AnswerKind { kClear, kTooClose, kNotANetwork, kNotYourEnginesPath, kNothingFits };

/// "clear", "too_close", "not_a_network", "not_your_engines_path" or "nothing_fits".
std::string_view answer_kind_name(AnswerKind kind);

struct Answer {
  std::string model;
  std::uint64_t batch = 1;
  std::uint64_t context = 0;
  std::string fabric;
  AnswerKind kind = AnswerKind::kNothingFits;
  std::vector<std::string> winner;  // strategies within 2 % of each other, the fastest first
  std::string flips_on;             // the assumption that changes the order, where too close
  std::string sentence;             // the answer in plain words
};

struct Decision {
  std::vector<Row> rows;
  std::vector<Answer> answers;
  std::vector<std::string> notes;  // what was assumed beyond the box, each once
};

Decision decide(const Request& request);

/// The form that the page and scripts read (schema 1).
std::string decision_json(const Request& request, const Decision& decision);

}  // namespace wiretax
