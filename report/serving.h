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
  std::uint64_t chunk = 8192;
};

/// As many requests as the batch, always. In a cycle each of them is read and answered once:
/// prefills and decode steps follow each other and share nothing.
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

/// Of a layout that fits at the workload's context. Decoding has the mean context of an answer.
Serving price_serving(const Model& model, const Machine& machine, const Fabric& fabric,
                      const Layout& layout, const Workload& workload, const RequestShape& shape,
                      const Band& gamma);

}  // namespace wiretax
