#include "report/explain/explain.h"

#include <algorithm>
#include <utility>

#include "report/explain/parts.h"
#include "report/strategies.h"

namespace wiretax {

const Reading* Explanation::narrowest() const {
  const Reading* found = nullptr;
  for (const auto& reading : readings) {
    if (!reading.tells_of_the_wire()) continue;
    if (found == nullptr || reading.wire->bytes < found->wire->bytes) found = &reading;
  }
  return found;
}

const Reading* Explanation::widest() const {
  const Reading* found = nullptr;
  for (const auto& reading : readings) {
    if (!reading.tells_of_the_wire() || reading.at_most || reading.wire->bytes < kRateBytes)
      continue;
    if (found == nullptr || reading.wire->bytes > found->wire->bytes) found = &reading;
  }
  return found;
}

Fit Explanation::fit_of(std::string_view hypothesis) const {
  const auto found = std::ranges::find(hypotheses, hypothesis, &Hypothesis::id);
  return found == hypotheses.end() ? Fit::kUntold : found->fit;
}

void Explanation::note(std::string text) {
  if (std::ranges::count(notes, text) == 0) notes.push_back(std::move(text));
}

bool Explanation::possible() const { return std::ranges::all_of(readings, &Reading::possible); }

Explanation explain(const Claim& claim, std::span<const Fabric> fabrics) {
  Explanation explanation;
  explanation.claim = &claim;
  if (!claim.beats.empty()) {
    explanation.readings.push_back(
        read_order(claim, parse_layout(claim.beats), claim.observed.front()));
  } else {
    for (const auto& seen : claim.observed) {
      explanation.readings.push_back(read_observation(claim, seen, fabrics));
    }
  }
  explanation.matches = match_curves(explanation, fabrics);
  explanation.predictions = predict(explanation);
  add_notes(fabrics, explanation);
  if (claim.layout.strategy == Strategy::kTensorParallel && explanation.possible() &&
      claim.beats.empty()) {
    explanation.hypotheses = weigh_hypotheses(explanation);
  }
  explanation.sentence = sentence_of(explanation);
  explanation.next = next_of(explanation);
  return explanation;
}

}  // namespace wiretax
