#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>

#include "report/explain/parts.h"
#include "report/strategies.h"
#include "report/units.h"

namespace wiretax {
namespace {

/// More tokens in the cache do not make a step faster: beyond this it is the run.
constexpr double kBeyondNoise = 1.03;

/// A test, and one of a shorter context that is slower.
struct Disorder {
  const Observation* shallow;
  const Observation* deep;

  [[nodiscard]] double times() const { return deep->tokens_per_s / shallow->tokens_per_s; }
};

/// Of tests that differ only in depth: the pair that is furthest out of order.
std::optional<Disorder> worst_disorder(std::vector<const Observation*> tests) {
  std::ranges::stable_sort(tests, {}, &Observation::depth);
  std::optional<Disorder> worst;
  const Observation* slowest = nullptr;  // of those that are less deep
  for (auto first = tests.begin(); first != tests.end();) {
    const auto last = std::find_if(
        first, tests.end(), [&](const auto* test) { return test->depth != (*first)->depth; });
    for (auto test = first; slowest != nullptr && test != last; ++test) {
      const Disorder pair{slowest, *test};
      if (!worst || pair.times() > worst->times()) worst = pair;
    }
    for (; first != last; ++first) {
      if (slowest == nullptr || (*first)->tokens_per_s < slowest->tokens_per_s) slowest = *first;
    }
  }
  return worst && worst->times() >= kBeyondNoise ? worst : std::nullopt;
}

/// Runs in which a longer context is faster: the worst of each kind, of the worst kinds.
void note_disorder(Explanation& explanation) {
  constexpr std::size_t kMostNotes = 3;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::vector<const Observation*>> alike;
  for (const auto& reading : explanation.readings) {
    const auto& seen = reading.seen;
    if (seen.phase == Phase::kDecode) alike[{seen.concurrency, seen.generated}].push_back(&seen);
  }
  std::vector<Disorder> worst;
  for (auto& [kind, tests] : alike) {
    if (const auto pair = worst_disorder(std::move(tests))) worst.push_back(*pair);
  }
  std::ranges::stable_sort(worst, std::ranges::greater{}, &Disorder::times);
  if (worst.size() > kMostNotes) worst.resize(kMostNotes);
  for (const auto& pair : worst) {
    explanation.note(fmt::format(
        "{} is {:.0f} % faster than {}, though its cache is larger: the runs differ by at least "
        "that much",
        pair.deep->name(), 100 * (pair.times() - 1), pair.shallow->name()));
  }
}

/// The first test that does not fit into memory, and how many more.
void note_memory(const Claim& claim, Explanation& explanation) {
  const auto fabric = silent_fabric(claim.ranks);
  std::string first;
  std::size_t others = 0;
  for (const auto& seen : claim.observed) {
    const Setting setting{claim.model, claim.machine, fabric,
                          decode_step(claim.model, workload_of(claim, seen))};
    const auto plan = plan_layout(setting, claim.layout);
    if (plan.fits()) continue;
    if (!first.empty()) {
      ++others;
      continue;
    }
    first = fmt::format("by {}'s memory {} cannot run {}: {}", claim.machine.name, plan.name,
                        seen.name(), plan.reason);
  }
  if (first.empty()) return;
  explanation.note(first + (others > 0 ? fmt::format("; nor {} other tests", others) : ""));
}

/// Tests of one machine that no observation has.
void note_baseline(const Claim& claim, Explanation& explanation) {
  constexpr std::size_t kMostNames = 5;
  std::vector<std::string> names;
  std::size_t more = 0;
  for (const auto& base : claim.baseline) {
    if (std::ranges::any_of(claim.observed,
                            [&](const auto& seen) { return same_test(seen, base); }))
      continue;
    if (names.size() < kMostNames) {
      names.push_back(base.name());
    } else {
      ++more;
    }
  }
  if (names.empty()) return;
  explanation.note(fmt::format("the baseline's {}{} is not used: no such test was observed",
                               fmt::join(names, ", "),
                               more > 0 ? fmt::format(" and {} more", more) : ""));
}

/// What was not measured where the curves were read.
void note_fabrics(std::span<const Fabric> fabrics, Explanation& explanation) {
  for (const auto* reading : readings_of_the_wire(explanation)) {
    for (const auto& fabric : fabrics) {
      if (fabric.ranks != explanation.claim->ranks) continue;
      const auto time = fabric.all_reduce.at(real(reading->wire->bytes));
      const auto text = unmeasured_note("all_reduce", time);
      if (!text.empty()) explanation.note(fmt::format("{}: {}", fabric.name, text));
    }
  }
}

}  // namespace

void add_notes(std::span<const Fabric> fabrics, Explanation& explanation) {
  const auto& claim = *explanation.claim;
  for (const auto& note : claim.notes) explanation.note(note);
  for (const auto& reading : explanation.readings) {
    for (const auto& note : reading.notes) explanation.note(note);
  }
  note_fabrics(fabrics, explanation);
  note_disorder(explanation);
  note_memory(claim, explanation);
  note_baseline(claim, explanation);
}

}  // namespace wiretax
