#include "report/schedule.h"

#include <fmt/format.h>

#include <charconv>
#include <numeric>
#include <stdexcept>

#include "report/strategies.h"

namespace wiretax {
namespace {

/// The number behind `prefix`, which is taken off the name; 1 where the name begins otherwise.
std::uint64_t take_count(std::string_view prefix, std::string_view& name) {
  if (!name.starts_with(prefix)) return 1;
  auto rest = name.substr(prefix.size());
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
  if (error != std::errc() || count < 2) return 1;
  name = rest.substr(static_cast<std::size_t>(end - rest.data()));
  return count;
}

std::vector<int> members_of(const Split& split, std::uint64_t stage) {
  std::vector<int> members(split.group);
  std::iota(members.begin(), members.end(), static_cast<int>(stage * split.group));
  return members;
}

/// A stage's own messages: the embedding is the first one's, the logits are the last one's.
void add_stage(const Model& model, const Split& split, const StepTokens& tokens,
               std::uint64_t stage, std::vector<ScheduleStep>& schedule) {
  if (split.group < 2) return;
  const auto messages = tensor_parallel_messages(model, split.group, tokens);
  const auto add = [&](const Message& message, std::uint64_t count) {
    schedule.push_back(
        {message.operation, message.bytes, count, members_of(split, stage), message.purpose});
  };
  if (stage == 0) add(messages.front(), 1);
  add(messages.at(1), 2 * stage_layers(model.layers, split.stages).at(stage));
  if (stage + 1 == split.stages) add(messages.back(), 1);
}

void add_hop(const Message& message, std::uint64_t count, const Split& split, std::uint64_t from,
             std::uint64_t to, std::vector<ScheduleStep>& schedule) {
  const auto senders = members_of(split, from);
  const auto receivers = members_of(split, to);
  for (std::size_t i = 0; i < senders.size(); ++i) {
    schedule.push_back(
        {message.operation, message.bytes, count, {senders[i], receivers[i]}, message.purpose});
  }
}

/// Hidden state and residual to the next stage.
void add_layers_output(Message message, const Split& split, std::uint64_t stage,
                       std::vector<ScheduleStep>& schedule) {
  const auto whole = message.bytes;
  const auto count = message.count / (split.stages - 1);
  message.bytes = (whole + split.group - 1) / split.group;
  add_hop(message, count, split, stage, stage + 1, schedule);
  if (split.group < 2) return;
  schedule.push_back({"all_gather", whole, count, members_of(split, stage + 1),
                      "hidden state and residual on arrival"});
}

}  // namespace

bool divides(const Model& model, std::uint64_t ranks) { return heads_reason(model, ranks).empty(); }

Split parse_split(std::string_view name) {
  auto rest = name;
  Split split;
  split.group = take_count("tp", rest);
  split.stages = take_count("pp", rest);
  if (!rest.empty() || split.ranks() < 2) {
    throw std::invalid_argument(
        fmt::format("strategy '{}' has no schedule of messages: type tp2, pp2 or tp2pp2, with "
                    "numbers from 2 on (wiretax-report decide prices the others)",
                    name));
  }
  return split;
}

std::vector<ScheduleStep> schedule_of(const Model& model, const Split& split,
                                      const StepTokens& tokens) {
  check_tokens(tokens.layers);
  check_tokens(tokens.sampled);
  if (split.group > 1) {
    if (const auto reason = heads_reason(model, split.group); !reason.empty()) {
      throw std::invalid_argument(
          fmt::format("{}: {} (pp{} does not need that)", model.name, reason, split.ranks()));
    }
  }
  if (model.layers < split.stages) {
    throw std::invalid_argument(fmt::format("{}: {} layers are too few for {} stages", model.name,
                                            model.layers, split.stages));
  }
  std::vector<ScheduleStep> schedule;
  const auto hops = micro_batch_messages(model, split.stages, tokens);
  for (std::uint64_t stage = 0; stage < split.stages; ++stage) {
    add_stage(model, split, tokens, stage, schedule);
    if (stage + 1 < split.stages) add_layers_output(hops.front(), split, stage, schedule);
  }
  if (split.stages > 1) {
    add_hop(hops.back(), hops.back().count, split, split.stages - 1, 0, schedule);
  }
  return schedule;
}

}  // namespace wiretax
