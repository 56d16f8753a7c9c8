#pragma once

// Prompts and answers together: "so many tokens in, so many out, so many requests at a time".

#include <cstdint>
#include <optional>
#include <string>

#include "report/cost.h"
#include "report/prefill.h"

namespace wiretax {

/// What every request is like.
struct RequestShape {
  std::uint64_t input = 1;
  std::uint64_t output = 1;
  std::uint64_t chunk = Prompts{}.chunk;
};

/// As many requests as the batch, always, on one layout that fits at the workload's context. In a
/// cycle each of them is read and answered once: prefills and decode steps follow each other and
/// share nothing. Decoding has the mean context of an answer.
class RequestCycle {
 public:
  RequestCycle(const Model& model, const Machine& machine, const Fabric& fabric,
               const Layout& layout, const Workload& workload, const RequestShape& shape);

  /// Why so many requests of that length do not fit; empty where they do.
  [[nodiscard]] const std::string& reason() const { return reason_; }
  /// Of one request, while nobody's prompt is read.
  [[nodiscard]] double token_interval_s(const Assumptions& at) const;
  [[nodiscard]] double decoding_s(const Assumptions& at) const;
  /// Only where the assumptions have a prefill rate.
  [[nodiscard]] double total_s(const Assumptions& at) const;

 private:
  const Model& model_;
  const Machine& machine_;
  double tokens_a_step_;
  double steps_;
  PrefillPlan prefill_;
  Plan decoding_;
  std::string reason_;
};

struct Throughput {
  Band output_tokens_per_s;
  Band total_tokens_per_s;  // prompts too
  double decode_share = 0;  // of the cycle, in the middle
};

struct Serving {
  Prefill prefill;        // of one prompt in an idle system: the time to its first token
  Band token_interval_s;  // of one request, while nobody's prompt is read
  std::optional<Throughput> throughput;  // absent where the prefill rate is not known
  std::string reason;                    // why so many requests of that length do not fit
};

Serving price_serving(const Model& model, const Machine& machine, const Fabric& fabric,
                      const Layout& layout, const Workload& workload, const RequestShape& shape,
                      const Band& gamma);

}  // namespace wiretax
