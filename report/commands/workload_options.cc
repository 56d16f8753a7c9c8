#include "report/commands/workload_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace wiretax {
namespace {

void read_drafts(const DecideOptions& options, Request& request) {
  if (options.accepted > static_cast<double>(options.drafts)) {
    throw std::invalid_argument(fmt::format("--accepted: {} of {} drafts cannot be right",
                                            options.accepted, options.drafts));
  }
  request.drafts = options.drafts;
  request.accepted = options.accepted;
  if (options.drafts == 0) return;
  for (const auto& model : request.models) {
    if (model.draft.modules > 0) continue;
    request.notes.push_back(fmt::format(
        "{} has no draft layers: its drafts cost nothing here, as if looked up", model.name));
  }
}

void read_kv(const DecideOptions& options, Request& request) {
  constexpr double kFp8Bits = 8;
  if (options.kv == "bf16") return;
  if (options.kv != "fp8") {
    throw std::invalid_argument(fmt::format("--kv: '{}' is not bf16 or fp8", options.kv));
  }
  for (auto& model : request.models) model.kv_bits = kFp8Bits;
}

void read_shape(const DecideOptions& options, Request& request) {
  if (options.input == 0 && options.output == 0) return;
  if (options.input == 0 || options.output == 0) {
    throw std::invalid_argument("--input and --output belong together");
  }
  request.shape = RequestShape{options.input, options.output, options.chunk};
  if (options.context == 0) request.context = options.input + options.output / 2;
}

}  // namespace

void read_workload(const DecideOptions& options, Request& request) {
  read_drafts(options, request);
  read_kv(options, request);
  read_shape(options, request);
  for (const auto& name : options.strategies) {
    const auto strategy = parse_strategy(name);
    if (std::ranges::count(request.extra, strategy) == 0) request.extra.push_back(strategy);
  }
  request.why = options.why;
}

}  // namespace wiretax
