#include "report/traffic.h"

#include <algorithm>

namespace wiretax {
namespace {

constexpr std::uint64_t kActivationBytes = 2;  // bf16
constexpr std::uint64_t kTokenIdBytes = 4;     // int32
constexpr std::uint64_t kTensorsPerHop = 2;    // hidden_states and residual

}  // namespace

std::uint64_t tokens_per_part(std::uint64_t tokens, std::uint64_t parts) {
  const auto used = std::clamp<std::uint64_t>(parts, 1, std::max<std::uint64_t>(tokens, 1));
  return (tokens + used - 1) / used;
}

std::vector<Message> tensor_parallel_messages(const Model& model, std::uint64_t ranks,
                                              std::uint64_t tokens) {
  if (ranks < 2) return {};
  const auto hidden_bytes = tokens * model.hidden * kActivationBytes;
  return {{"all_reduce", hidden_bytes, 1, "embedding"},
          {"all_reduce", hidden_bytes, 2 * model.layers, "attention and FFN output of each layer"},
          {"all_gather", tokens * model.vocabulary * kActivationBytes, 1, "logits"}};
}

std::vector<Message> pipeline_messages(const Model& model, std::uint64_t ranks,
                                       std::uint64_t tokens) {
  if (ranks < 2) return {};
  const auto batch = tokens_per_part(tokens, ranks);
  return {{"send_recv", batch * model.hidden * kActivationBytes, kTensorsPerHop * (ranks - 1),
           "hidden state and residual to the next stage"},
          {"send_recv", batch * kTokenIdBytes, 1, "sampled tokens back to the first stage"}};
}

}  // namespace wiretax
