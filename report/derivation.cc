#include "report/derivation.h"

#include <fmt/format.h>

#include "report/units.h"

namespace wiretax {
namespace {

constexpr double kBitsPerByte = 8;

/// Six figures: a sum of twenty such terms is right to five.
std::string figures(double value) { return fmt::format("{:.6g}", value); }
std::string milliseconds(double seconds) { return figures(seconds / kMillisecond) + " ms"; }
std::string microseconds(double seconds) { return figures(seconds / kMicrosecond) + " us"; }
std::string gigabytes(double bytes) { return figures(bytes / kGigabyte) + " GB"; }

class Derivation {
 public:
  Derivation(const Model& model, const Machine& machine, const Fabric& fabric,
             const Workload& workload, const Plan& plan, const Assumptions& at)
      : model_(model),
        machine_(machine),
        workload_(workload),
        path_(plan.longest(model, machine, at)),
        parts_(path_.parts(model, machine, at)),
        at_(at),
        pricer_(fabric) {
    add("{} ({}), batch {}, {} tokens of context, {} on {}", model.name, model.quant.name,
        workload.batch, workload.context, plan.name, fabric.name);
    add("  what takes longest: {}", path_.what);
  }

  std::vector<std::string> lines() && {
    for (const auto& read : path_.reads) add_read(read);
    add("  weights: {} / {} = {}", gigabytes(weight_bytes_), rate(),
        milliseconds(parts_.weights_s));
    add_cache();
    for (const auto& message : path_.messages) add_message(message);
    add_computing();
    add("  fixed cost: {} x {} = {}", milliseconds(at_.fixed_s), figures(path_.fixed_share),
        milliseconds(parts_.fixed_s));
    add("  step: {}", milliseconds(parts_.total()));
    add("  tokens/s: {} x (1 + {} accepted) / {} = {}", workload_.batch,
        figures(workload_.accepted), milliseconds(parts_.total()),
        figures(workload_.tokens() / parts_.total()));
    return std::move(lines_);
  }

 private:
  template <typename... Values>
  void add(fmt::format_string<Values...> text, Values&&... values) {
    lines_.push_back(fmt::format(text, std::forward<Values>(values)...));
  }

  [[nodiscard]] std::string rate() const {
    return fmt::format("({} GB/s x {})", figures(machine_.memory_bytes_per_s / kGigabyte),
                       figures(at_.efficiency));
  }

  void add_part(const char* name, double parameters, double bits, double share,
                const std::string& coverage, double covered, double passes) {
    if (parameters <= 0 || share <= 0) return;
    const double bytes = parameters * bits / kBitsPerByte * share * covered * passes;
    weight_bytes_ += bytes;
    add("    {}: {:.0f} parameters x {} bits x {} here{} x {} passes = {}", name, parameters,
        figures(bits), figures(share), coverage, figures(passes), gigabytes(bytes));
  }

  void add_read(const Read& read) {
    const double modules = read.draft ? real(model_.draft.modules) : 1;
    if (modules == 0) return;
    add("  reads {} for {} tokens at a time:", read.draft ? "a draft layer" : "the model",
        figures(read.tokens));
    const auto& parameters = read.draft ? model_.draft.parameters : model_.parameters;
    const auto& bits = read.draft ? model_.draft.bits : model_.quant.bits;
    for (const auto& part : kParts) {
      if (part.value == &PerPart::embedding || part.value == &PerPart::lm_head) continue;
      const bool routed = part.value == &PerPart::experts;
      const double covered = routed ? model_.coverage(read.tokens, at_.gamma) : 1;
      add_part(part.name, parameters.*part.value / modules, bits.*part.value,
               routed ? read.expert_share : read.layer_share,
               routed ? coverage(read.tokens, covered) : "", covered, read.passes);
    }
    const double head = real(model_.vocabulary) * real(model_.hidden);
    add_part("head", head, model_.head_bytes() * kBitsPerByte / head, read.head_share, "", 1,
             read.passes);
  }

  [[nodiscard]] std::string coverage(double tokens, double covered) const {
    return fmt::format(" x {} of the experts (1 - (1 - {}/{})^(1 + {} x ({} - 1)))",
                       figures(covered), model_.experts_per_token, model_.experts,
                       figures(at_.gamma), figures(tokens));
  }

  void add_cache() {
    const auto& cache = path_.cache;
    add("  cache: {} sequences x ({} of KV + {} of state + {} of drafts) x {} passes / {} = {}",
        figures(cache.sequences), gigabytes(cache.cache_bytes), gigabytes(cache.state_bytes),
        gigabytes(cache.draft_bytes), figures(cache.passes), rate(), milliseconds(parts_.kv_s));
  }

  void add_message(const PricedMessage& priced) {
    const auto& message = priced.message;
    add("  {} x {} of {} B over {} ({}): {} = {} each = {}", message.count, message.operation,
        message.bytes, priced.ranks, message.purpose, origin(pricer_.basis(priced)),
        microseconds(priced.each_s.mid), milliseconds(priced.all_s().mid));
  }

  static std::string origin(const PriceBasis& basis) {
    if (basis.curve.empty()) return basis.rule;
    const auto& [time_s, interval, range, lower, upper] = basis.time;
    const auto low = fmt::format("{} B in {}", lower.bytes, microseconds(lower.time_s));
    auto text = fmt::format("{} at {:.0f} B ", basis.curve, basis.bytes);
    if (range == CurveRange::kBelowSmallest) {
      text += fmt::format("below all that was measured, as {}", low);
    } else if (range == CurveRange::kAboveLargest) {
      text += fmt::format("beyond all that was measured, in proportion to {}", low);
    } else if (lower.bytes == upper.bytes) {
      text += fmt::format("measured, {}", low);
    } else {
      text += fmt::format("log-log {} {} and {} B in {}",
                          range == CurveRange::kHole ? "across the hole between" : "between", low,
                          upper.bytes, microseconds(upper.time_s));
    }
    if (basis.rule.empty()) return text;
    return fmt::format("{}, {}, x {}", text, basis.rule, figures(basis.factor));
  }

  void add_computing() {
    add("  computing: {} operations (2 for each of {:.0f} active parameters and token, this "
        "machine's share) / {} TFLOP/s take {}; beyond reading = {}",
        figures(path_.operations), model_.active_parameters(),
        figures(machine_.compute_flops_per_s / kTeraflop),
        milliseconds(path_.operations / machine_.compute_flops_per_s),
        milliseconds(parts_.compute_s));
  }

  const Model& model_;
  const Machine& machine_;
  const Workload& workload_;
  Path path_;
  Parts parts_;
  Assumptions at_;
  Pricer pricer_;
  double weight_bytes_ = 0;
  std::vector<std::string> lines_;
};

}  // namespace

std::vector<std::string> derivation(const Model& model, const Machine& machine,
                                    const Fabric& fabric, const Workload& workload,
                                    const Plan& plan, const Assumptions& at) {
  return Derivation(model, machine, fabric, workload, plan, at).lines();
}

}  // namespace wiretax
