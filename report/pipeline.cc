// Layers in stages, one behind the other; a stage is one machine or a tensor-parallel group.

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "report/strategies.h"
#include "report/units.h"

namespace wiretax {
namespace {

class Pipeline {
 public:
  Pipeline(const Setting& setting, const Layout& layout)
      : setting_(setting),
        model_(setting.model),
        group_(layout.group),
        stages_(setting.step.ranks / group_),
        layers_(stage_layers(model_.layers, stages_)),
        micro_batches_(std::min(stages_, setting.step.sequences)),
        sequences_(tokens_per_part(setting.step.sequences, stages_)),
        tokens_(setting.step.tokens_of(sequences_)),
        pricer_(setting.fabric) {}

  Plan plan(const Layout& layout) {
    Plan plan{.strategy = layout.strategy,
              .layout = layout,
              .name = strategy_name(layout, setting_.step.ranks),
              .paths = {},
              .reason = reason(),
              .notes = {}};
    plan.paths.push_back(way_through());
    for (const auto stage : deciding_stages()) plan.paths.push_back(stage_path(stage));
    plan.notes = pricer_.take_notes();
    return plan;
  }

 private:
  [[nodiscard]] bool is_last(std::uint64_t stage) const { return stage + 1 == stages_; }
  [[nodiscard]] double share(std::uint64_t stage) const {
    return real(layers_[stage]) / real(model_.layers);
  }

  /// The first has the embedding, the last the head, and the fullest of the others decides.
  [[nodiscard]] std::set<std::uint64_t> deciding_stages() const {
    const auto fullest = std::ranges::max_element(layers_) - layers_.begin();
    return {0, static_cast<std::uint64_t>(fullest), stages_ - 1};
  }

  [[nodiscard]] std::string reason() const {
    if (model_.layers < stages_) {
      return fmt::format("{} layers do not fill {} stages", model_.layers, stages_);
    }
    if (auto heads = heads_reason(model_, group_); !heads.empty()) return heads;
    double most = 0;
    for (std::uint64_t stage = 0; stage < stages_; ++stage) {
      most = std::max(most, stage_bytes(stage));
    }
    return memory_reason(setting_.machine, most);
  }

  [[nodiscard]] double stage_bytes(std::uint64_t stage) const {
    const double group = real(group_);
    double weights = share(stage) * (model_.layer_bytes() + model_.expert_bytes());
    if (stage == 0) weights += model_.embedding_bytes();
    if (is_last(stage)) weights += model_.head_bytes();
    if (is_last(stage) && setting_.step.drafts > 0) weights += model_.draft_resident_bytes();
    return weights / group +
           kept_bytes(setting_, real(setting_.step.sequences), group_, share(stage));
  }

  /// One micro-batch through all stages.
  Path way_through() {
    const auto& step = setting_.step;
    const double part = 1 / real(group_);
    const double sequences = real(sequences_);
    Path path{.what = fmt::format("one of {} micro-batches through all stages", micro_batches_),
              .cache = cache_traffic(setting_, sequences, group_)};
    path.reads.push_back(model_read(model_, real(tokens_.layers), {part, part, part}));
    if (step.drafts > 0) {
      path.reads.push_back(draft_read(model_, step, sequences, {part, part, part}));
    }
    path.operations = part * (layer_operations(model_, real(tokens_.layers)) +
                              head_operations(model_, real(tokens_.sampled)) +
                              draft_operations(setting_, sequences));
    path.send(pricer_.price(tensor_parallel_messages(model_, group_, tokens_), group_));
    path.send(price_drafts(pricer_, setting_, sequences_, group_));
    path.send(hops());
    path.send(arrivals(stages_ - 1));
    return path;
  }

  /// All micro-batches through one stage.
  Path stage_path(std::uint64_t stage) {
    const auto& step = setting_.step;
    const double rounds = real(micro_batches_);
    const double part = share(stage) / real(group_);
    const double head = is_last(stage) ? 1 / real(group_) : 0;
    const double sequences = real(sequences_);
    Path path{.what = fmt::format("{} micro-batches through stage {} of {} with {} layers{}",
                                  micro_batches_, stage + 1, stages_, layers_[stage],
                                  is_last(stage) ? " and the head" : ""),
              .cache = cache_traffic(setting_, sequences, group_, share(stage), rounds),
              .fixed_share = rounds / real(stages_)};
    path.reads.push_back(model_read(model_, real(tokens_.layers), {part, part, head}, rounds));
    path.operations = rounds * (part * layer_operations(model_, real(tokens_.layers)) +
                                head * head_operations(model_, real(tokens_.sampled)));
    path.send(stage_messages(stage), micro_batches_);
    if (!is_last(stage)) path.cache.draft_bytes = 0;
    if (!is_last(stage) || step.drafts == 0) return path;
    path.cache.draft_bytes =
        real(step.drafts) * model_.draft_kv_bytes(step.context) * model_.kv_share(group_);
    path.reads.push_back(draft_read(model_, step, sequences, {head, head, head}, rounds));
    path.operations += rounds * head * draft_operations(setting_, sequences);
    path.send(price_drafts(pricer_, setting_, sequences_, group_), micro_batches_);
    return path;
  }

  /// Inside a stage of several machines: what its own layers send.
  std::vector<PricedMessage> stage_messages(std::uint64_t stage) {
    if (group_ < 2) return {};
    auto messages = tensor_parallel_messages(model_, group_, tokens_);
    messages[1].count = 2 * layers_[stage];
    if (!is_last(stage)) messages.pop_back();
    if (stage != 0) messages.erase(messages.begin());
    auto priced = pricer_.price(messages, group_);
    if (stage == 0) return priced;
    for (auto& message : arrivals(1)) priced.push_back(std::move(message));
    return priced;
  }

  /// Each machine of a group sends its part of both tensors to its partner in the next stage.
  std::vector<PricedMessage> hops() {
    auto messages = micro_batch_messages(model_, stages_, tokens_);
    if (!messages.empty()) {
      messages.front().bytes = (messages.front().bytes + group_ - 1) / group_;
    }
    return pricer_.price_hops(messages);
  }

  /// There the group puts them together again.
  std::vector<PricedMessage> arrivals(std::uint64_t times) {
    if (group_ < 2) return {};
    const auto hop = micro_batch_messages(model_, 2, tokens_).front();
    return pricer_.price(
        {{"all_gather", hop.bytes, hop.count * times, "hidden state and residual on arrival"}},
        group_);
  }

  const Setting& setting_;
  const Model& model_;
  std::uint64_t group_;
  std::uint64_t stages_;
  std::vector<std::uint64_t> layers_;
  std::uint64_t micro_batches_;
  std::uint64_t sequences_;  // of a micro-batch
  StepTokens tokens_;        // of a micro-batch
  Pricer pricer_;
};

}  // namespace

/// Either one micro-batch's way through all stages and the wire decides, or the fullest stage,
/// which all micro-batches have to pass one after the other.
Plan plan_pipeline(const Setting& setting, const Layout& layout) {
  return Pipeline(setting, layout).plan(layout);
}

}  // namespace wiretax
