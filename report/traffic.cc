#include "report/traffic.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace wiretax {
namespace {

constexpr std::uint64_t kActivationBytes = 2;   // bf16
constexpr std::uint64_t kTokenIdBytes = 4;      // int32
constexpr std::uint64_t kTensorsPerHop = 2;     // hidden_states and residual
constexpr std::uint64_t kMostTokens = 1 << 24;  // with the widest model still far from 2^64 bytes

void check_tokens(std::uint64_t tokens) {
  if (tokens >= 1 && tokens <= kMostTokens) return;
  throw std::invalid_argument(
      fmt::format("batch {}: a step has 1 to {} tokens", tokens, kMostTokens));
}

}  // namespace

std::uint64_t tokens_per_part(std::uint64_t tokens, std::uint64_t parts) {
  const auto used = std::clamp<std::uint64_t>(parts, 1, std::max<std::uint64_t>(tokens, 1));
  return (tokens + used - 1) / used;
}

std::vector<Message> tensor_parallel_messages(const Model& model, std::uint64_t ranks,
                                              std::uint64_t tokens) {
  check_tokens(tokens);
  if (ranks < 2) return {};
  const auto hidden_bytes = tokens * model.hidden * kActivationBytes;
  return {{"all_reduce", hidden_bytes, 1, "embedding"},
          {"all_reduce", hidden_bytes, 2 * model.layers, "attention and FFN output of each layer"},
          {"all_gather", tokens * model.vocabulary * kActivationBytes, 1, "logits"}};
}

std::vector<Message> pipeline_messages(const Model& model, std::uint64_t ranks,
                                       std::uint64_t tokens) {
  check_tokens(tokens);
  if (ranks < 2) return {};
  const auto batch = tokens_per_part(tokens, ranks);
  return {{"send_recv", batch * model.hidden * kActivationBytes, kTensorsPerHop * (ranks - 1),
           "hidden state and residual to the next stage"},
          {"send_recv", batch * kTokenIdBytes, 1, "sampled tokens back to the first stage"}};
}

}  // namespace wiretax
