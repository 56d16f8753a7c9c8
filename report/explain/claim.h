#pragma once

// What somebody says that a model reached on some machines, to be explained.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "report/cost.h"
#include "report/machine.h"
#include "report/model.h"
#include "report/observation.h"

namespace wiretax {

/// The words of a command line, to be offered again.
struct Typed {
  std::string model;
  std::string observed;
  std::vector<std::string> others;  // --baseline and its value, ..., result files
};

struct Claim {
  std::string title;  // what it is, where there are several
  Model model;
  Machine machine;
  Layout layout;
  std::uint64_t ranks = 1;
  std::vector<Observation> observed;
  std::vector<Observation> baseline;  // of one machine
  std::string beats;                  // the strategy that it is only said to be faster than, at the
                                      // concurrency of the first observation
  double tokens_per_step = 1;         // of a sequence: above 1 where drafts are accepted
  std::uint64_t drafts = 0;           // guessed for each sequence before a step
  std::uint64_t context = 1024;       // mean tokens of cache, where an observation does not tell
  Band gamma = kUsualGamma;
  bool same_fabric = false;             // as the claim before it
  Typed typed = {};                     // empty: not from a command line
  std::vector<std::string> notes = {};  // on where the tests are from
};

/// "tp1", "tp2", "pp2", "replicas2" or "tp2pp2". Throws std::invalid_argument.
struct ParsedStrategy {
  Layout layout;
  std::uint64_t ranks = 1;
};
ParsedStrategy parse_layout(std::string_view name);

/// One step of the claim at an observation's concurrency and context.
Workload workload_of(const Claim& claim, const Observation& seen);
/// Alike but for the rate.
bool same_test(const Observation& a, const Observation& b);
/// Seconds in which it yields its tokens; of a prompt, those in which it is read.
double seen_seconds(const Claim& claim, const Observation& seen);

/// The overlap of experts that a machine was calibrated to, or what is assumed.
Band gamma_of(const Machine& machine);

/// An example of report/examples: numbers that were published, and what is said with them.
struct Example {
  std::string name;
  std::string title;
  std::string source;
  std::vector<Claim> claims;
  std::vector<std::string> statements;  // worked out: what was said, and what is right
};

std::vector<std::string> example_names();
/// Throws UnknownName.
Example find_example(std::string_view name);

}  // namespace wiretax
