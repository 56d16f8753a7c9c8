#pragma once

// What an engine sends for one step (vLLM and SGLang alike; cost-model, sections 1.6 and 2).
// Activations travel in bf16, whatever the weights are.

#include <cstdint>
#include <string>
#include <vector>

#include "report/model.h"

namespace wiretax {

/// `count` equal messages of `bytes` in nccl-tests' sense: the tensor of an all_reduce or a
/// reduce_scatter, the total received of an all_gather, what one rank sends in an all_to_all (its
/// own part too), one way of a send_recv.
struct Message {
  std::string operation;
  std::uint64_t bytes = 0;
  std::uint64_t count = 0;
  std::string purpose;

  bool operator==(const Message&) const = default;
};

/// Tokens of one step. Decoding, each makes logits; of a prompt's chunk only a sequence's last.
struct StepTokens {
  std::uint64_t layers = 1;   // pass the layers
  std::uint64_t sampled = 1;  // pass the head
};

/// Throws std::invalid_argument on no tokens, and on more than any step has: their bytes would not
/// fit into 64 bits.
void check_tokens(std::uint64_t tokens);

// All throw like check_tokens, and are empty for one rank.

/// One step of `tokens` tokens (one per sequence when decoding).
std::vector<Message> tensor_parallel_messages(const Model& model, std::uint64_t ranks,
                                              std::uint64_t tokens);
std::vector<Message> tensor_parallel_messages(const Model& model, std::uint64_t ranks,
                                              const StepTokens& tokens);

/// The same with every all_reduce cut into a reduce_scatter and an all_gather.
std::vector<Message> sequence_parallel_messages(const Model& model, std::uint64_t ranks,
                                                const StepTokens& tokens);

/// Attention in each rank for its own sequences, experts dealt out: before the experts of a layer
/// every rank gets all tokens and their router's outputs, after them the sums go back.
std::vector<Message> expert_parallel_messages(const Model& model, std::uint64_t ranks,
                                              std::uint64_t tokens);

/// The same, but a token goes only to the ranks of its experts, and back; `rank_tokens` are those
/// of the fullest rank. How many ranks a token reaches is a mean, all experts being equally likely.
std::vector<Message> expert_all_to_all_messages(const Model& model, std::uint64_t ranks,
                                                std::uint64_t rank_tokens);
double expected_ranks_per_token(const Model& model, std::uint64_t ranks);

/// One pass of a draft module under tensor parallelism: a token for each sequence.
std::vector<Message> draft_messages(const Model& model, std::uint64_t ranks,
                                    std::uint64_t sequences);

/// What the tokens of one micro-batch meet on their way through all stages, in order. `tokens` is
/// the whole step; it is split into min(ranks, tokens) micro-batches.
std::vector<Message> pipeline_messages(const Model& model, std::uint64_t ranks,
                                       std::uint64_t tokens);
/// The same for the tokens of one micro-batch.
std::vector<Message> micro_batch_messages(const Model& model, std::uint64_t stages,
                                          const StepTokens& tokens);

/// Tokens of the fullest micro-batch, or of the fullest replica, when `tokens` are dealt out.
std::uint64_t tokens_per_part(std::uint64_t tokens, std::uint64_t parts);

}  // namespace wiretax
