#pragma once

// Reading the prompts: cost-model, section 3 (6). In chunks, each a step that computes much and
// makes few logits. How fast a machine computes them is known only where somebody measured it.

#include <cstdint>
#include <optional>

#include "report/cost.h"

namespace wiretax {

/// Prompts that are read together, packed into chunks.
struct Prompts {
  std::uint64_t count = 1;
  std::uint64_t length = 1;  // tokens of each
  std::uint64_t chunk = 8192;
};

/// What reading them takes. The attention between a prompt's own tokens is left out.
struct Prefill {
  Prompts prompts;
  std::uint64_t chunks = 1;    // one after the other
  Parts parts;                 // in the middle of the assumptions; no compute_s where unknown
  std::optional<Band> time_s;  // absent where the machine's prefill rate is not known

  /// Prompt tokens read in a second.
  [[nodiscard]] std::optional<Band> tokens_per_s() const;
};

/// Ends and middle of all assumptions: every one makes a step only slower or only faster.
struct Corners {
  Assumptions fastest;
  Assumptions middle;
  Assumptions slowest;
};
Corners corners_of(const Machine& machine, const Band& gamma);

/// The chunks of a layout that fits, worked out once: equal ones, and a last one with what is left,
/// which goes all the way. Chunks of one prompt follow each other; in a pipeline the next one
/// starts when the first stage is free. Replicas and expert parallelism read a prompt on each
/// machine.
class PrefillPlan {
 public:
  PrefillPlan(const Model& model, const Machine& machine, const Fabric& fabric,
              const Layout& layout, std::uint64_t ranks, const Prompts& prompts);

  [[nodiscard]] std::uint64_t chunks() const { return full_count_ + 1; }
  /// Computing takes no time where the assumptions have no rate for it.
  [[nodiscard]] Parts parts(const Assumptions& at) const;

 private:
  const Model& model_;
  const Machine& machine_;
  std::uint64_t full_count_ = 0;
  Plan full_;
  Plan last_;
};

Prefill price_prefill(const Model& model, const Machine& machine, const Fabric& fabric,
                      const Layout& layout, std::uint64_t ranks, const Prompts& prompts,
                      const Corners& corners);

}  // namespace wiretax
