// The batch at which the answer changes.

#include <algorithm>

#include "report/case.h"

namespace wiretax {
namespace {

/// More sequences than an engine on such a machine decodes together.
constexpr std::uint64_t kLargestBatch = 1024;

class Search {
 public:
  Search(const Request& request, const Model& model, const Fabric& fabric)
      : request_(request), model_(model), fabric_(fabric) {}

  [[nodiscard]] Outcome at(std::uint64_t batch) const {
    return outcome_of(judged_case(request_, make_case(request_, model_, fabric_, batch)));
  }

  /// The first batch above `low` whose answer is not that of `low`; `high` is known to be one.
  [[nodiscard]] std::uint64_t change_between(std::uint64_t low, const Outcome& known,
                                             std::uint64_t high) const {
    while (high - low > 1) {
      const auto middle = low + (high - low) / 2;
      (at(middle).still(known) ? low : high) = middle;
    }
    return high;
  }

 private:
  const Request& request_;
  const Model& model_;
  const Fabric& fabric_;
};

Stretch stretch_of(const Model& model, const Fabric& fabric, std::uint64_t from,
                   const Outcome& outcome) {
  return {.model = model.name,
          .quant = model.quant.name,
          .fabric = fabric.name,
          .from_batch = from,
          .to_batch = kLargestBatch,
          .kind = outcome.kind,
          .winner = outcome.winner};
}

}  // namespace

std::vector<Stretch> find_stretches(const Request& request, const Model& model,
                                    const Fabric& fabric) {
  const Search search(request, model, fabric);
  auto known = search.at(1);
  std::vector<Stretch> stretches = {stretch_of(model, fabric, 1, known)};
  for (std::uint64_t batch = 1; batch < kLargestBatch;) {
    // Looking at doubled batches misses only an answer that comes and goes between two of them.
    const auto ahead = std::min(2 * batch, kLargestBatch);
    if (search.at(ahead).still(known)) {
      batch = ahead;
      continue;
    }
    const auto change = search.change_between(batch, known, ahead);
    stretches.back().to_batch = change - 1;
    known = search.at(change);
    stretches.push_back(stretch_of(model, fabric, change, known));
    batch = change;
  }
  return stretches;
}

}  // namespace wiretax
