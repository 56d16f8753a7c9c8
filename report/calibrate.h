#pragma once

// What one machine reaches, from runs that somebody has: t = bytes / (bandwidth x efficiency) +
// fixed cost, fitted to every batch and context that was seen.

#include <optional>
#include <string>
#include <vector>

#include "report/explain/claim.h"
#include "report/machine.h"
#include "report/observation.h"

namespace wiretax {

/// One test beside the fit.
struct FittedTest {
  std::string name;
  double seen = 0;    // tokens/s
  double fitted = 0;  // likewise
};

/// A machine that gives what the tests saw, one of many.
struct FittingPair {
  double efficiency = 0;
  double fixed_s = 0;
  std::optional<double> gamma;  // where the tests hang on it
};

struct Calibration {
  Machine machine;  // what it started from, with what was fitted in its place
  // 95 % ranges, each over all values of the others. Not fitted: what the machine had.
  Band efficiency;
  Band fixed_s;
  std::optional<Band> gamma;  // where the batches tell it
  std::optional<Band> prefill_flops_per_s;
  bool decodes = false;      // there was decoding to fit
  bool told_apart = false;   // efficiency and fixed cost
  double assumed_error = 0;  // share of a rate, of tests that do not tell theirs; 0: all do
  // Where they are not told apart: efficiencies, and what goes best with each.
  std::vector<FittingPair> pairs;
  std::vector<FittedTest> tests;
  std::string refuted;             // why the fit is none, although ranges are given; or empty
  std::vector<std::string> notes;  // what cannot be told, and what was left out
};

/// `run` is a claim of one machine, with the tests in `observed`. Throws InputError where a test is
/// faster than memory allows, and where there is nothing to fit.
Calibration calibrate(const Claim& run);

}  // namespace wiretax
