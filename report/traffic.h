#pragma once

// What an engine sends for one decode step (vLLM and SGLang alike; cost-model, sections 1.6 and 2).
// Activations travel in bf16, whatever the weights are.

#include <cstdint>
#include <string>
#include <vector>

#include "report/model.h"

namespace wiretax {

/// `count` equal messages of `bytes` in nccl-tests' sense: the tensor of an all_reduce, the total
/// received of an all_gather, one way of a send_recv.
struct Message {
  std::string operation;  // all_reduce, all_gather or send_recv
  std::uint64_t bytes = 0;
  std::uint64_t count = 0;
  std::string purpose;

  bool operator==(const Message&) const = default;
};

/// One step of `tokens` tokens (one per sequence when decoding). Empty for one rank. Both throw
/// std::invalid_argument on no tokens, or on more than any step has.
std::vector<Message> tensor_parallel_messages(const Model& model, std::uint64_t ranks,
                                              std::uint64_t tokens);

/// What the tokens of one micro-batch meet on their way through all stages, in order. `tokens` is
/// the whole step; it is split into min(ranks, tokens) micro-batches. Empty for one rank.
std::vector<Message> pipeline_messages(const Model& model, std::uint64_t ranks,
                                       std::uint64_t tokens);

/// Tokens of the fullest micro-batch, or of the fullest replica, when `tokens` are dealt out.
std::uint64_t tokens_per_part(std::uint64_t tokens, std::uint64_t parts);

}  // namespace wiretax
