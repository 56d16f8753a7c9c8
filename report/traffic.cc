#include "report/traffic.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace wiretax {
namespace {

constexpr std::uint64_t kActivationBytes = 2;   // bf16
constexpr std::uint64_t kTokenIdBytes = 4;      // int32
constexpr std::uint64_t kTensorsPerHop = 2;     // hidden_states and residual
constexpr std::uint64_t kMostTokens = 1 << 24;  // with the widest model still far from 2^64 bytes

void check_all(const StepTokens& tokens) {
  check_tokens(tokens.layers);
  check_tokens(tokens.sampled);
}

std::uint64_t hidden_bytes(const Model& model, std::uint64_t tokens) {
  return tokens * model.hidden * kActivationBytes;
}

Message logits(const Model& model, std::uint64_t tokens) {
  return {"all_gather", tokens * model.vocabulary * kActivationBytes, 1, "logits"};
}

}  // namespace

void check_tokens(std::uint64_t tokens) {
  if (tokens >= 1 && tokens <= kMostTokens) return;
  throw std::invalid_argument(
      fmt::format("batch {}: a step has 1 to {} tokens", tokens, kMostTokens));
}

std::uint64_t tokens_per_part(std::uint64_t tokens, std::uint64_t parts) {
  const auto used = std::clamp<std::uint64_t>(parts, 1, std::max<std::uint64_t>(tokens, 1));
  return (tokens + used - 1) / used;
}

std::vector<Message> tensor_parallel_messages(const Model& model, std::uint64_t ranks,
                                              std::uint64_t tokens) {
  return tensor_parallel_messages(model, ranks, StepTokens{tokens, tokens});
}

std::vector<Message> tensor_parallel_messages(const Model& model, std::uint64_t ranks,
                                              const StepTokens& tokens) {
  check_all(tokens);
  if (ranks < 2) return {};
  const auto bytes = hidden_bytes(model, tokens.layers);
  return {{"all_reduce", bytes, 1, "embedding"},
          {"all_reduce", bytes, 2 * model.layers, "attention and FFN output of each layer"},
          logits(model, tokens.sampled)};
}

std::vector<Message> sequence_parallel_messages(const Model& model, std::uint64_t ranks,
                                                const StepTokens& tokens) {
  check_all(tokens);
  if (ranks < 2) return {};
  const auto bytes = hidden_bytes(model, tokens.layers);
  const auto count = 2 * model.layers + 1;
  return {{"reduce_scatter", bytes, count, "embedding, attention and FFN output of each layer"},
          {"all_gather", bytes, count, "input of attention, FFN and head"},
          logits(model, tokens.sampled)};
}

std::vector<Message> expert_parallel_messages(const Model& model, std::uint64_t ranks,
                                              std::uint64_t tokens) {
  check_tokens(tokens);
  if (ranks < 2 || model.sparse_layers == 0) return {};
  const auto dispatched = tokens * (model.hidden + model.experts) * kActivationBytes;
  return {{"all_gather", dispatched, model.sparse_layers, "hidden state and router of each layer"},
          {"reduce_scatter", hidden_bytes(model, tokens), model.sparse_layers,
           "expert output of each layer"}};
}

/// N times the chance that one rank's experts are among the token's: 1 - C(E - E/N, k) / C(E, k).
double expected_ranks_per_token(const Model& model, std::uint64_t ranks) {
  const auto all = static_cast<double>(model.experts);
  const double elsewhere = all - all / static_cast<double>(ranks);
  double none = 1;
  for (std::uint64_t drawn = 0; drawn < model.experts_per_token; ++drawn) {
    const auto gone = static_cast<double>(drawn);
    none *= std::max(0.0, elsewhere - gone) / (all - gone);
  }
  return static_cast<double>(ranks) * (1 - none);
}

std::vector<Message> expert_all_to_all_messages(const Model& model, std::uint64_t ranks,
                                                std::uint64_t rank_tokens) {
  check_tokens(rank_tokens);
  if (ranks < 2 || model.sparse_layers == 0) return {};
  const auto own = static_cast<double>(hidden_bytes(model, rank_tokens));
  const auto bytes =
      static_cast<std::uint64_t>(std::ceil(own * expected_ranks_per_token(model, ranks)));
  return {{"all_to_all", bytes, model.sparse_layers, "tokens to their experts, each layer"},
          {"all_to_all", bytes, model.sparse_layers, "expert output back, each layer"}};
}

std::vector<Message> draft_messages(const Model& model, std::uint64_t ranks,
                                    std::uint64_t sequences) {
  check_tokens(sequences);
  if (ranks < 2 || model.draft.modules == 0) return {};
  const auto layers = model.draft.layers / model.draft.modules;
  return {{"all_reduce", hidden_bytes(model, sequences), 2 * layers + 1,
           "embedding, attention and FFN output of a draft"},
          {"all_gather", sequences * model.vocabulary * kActivationBytes, 1, "logits of a draft"}};
}

std::vector<Message> pipeline_messages(const Model& model, std::uint64_t ranks,
                                       std::uint64_t tokens) {
  check_tokens(tokens);
  const auto batch = tokens_per_part(tokens, ranks);
  return micro_batch_messages(model, ranks, {batch, batch});
}

std::vector<Message> micro_batch_messages(const Model& model, std::uint64_t stages,
                                          const StepTokens& tokens) {
  check_all(tokens);
  if (stages < 2) return {};
  return {
      {"send_recv", hidden_bytes(model, tokens.layers), kTensorsPerHop * (stages - 1),
       "hidden state and residual to the next stage"},
      {"send_recv", tokens.sampled * kTokenIdBytes, 1, "sampled tokens back to the first stage"}};
}

}  // namespace wiretax
