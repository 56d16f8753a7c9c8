#include "report/model.h"

#include <fmt/format.h>

#include "report/catalogue.h"
#include "report/commands/commands.h"
#include "report/commands/model_json.h"
#include "report/traffic.h"
#include "report/units.h"

namespace wiretax {
namespace {

std::string parts_text(const Model& model, const Ink& ink) {
  using enum Table::Align;
  Table table({{"part", kLeft}, {"parameters"}, {"bits"}, {"GB in memory"}});
  for (const auto& part : kParts) {
    const double parameters = model.parameters.*part.value;
    if (parameters == 0) continue;
    const double bits = model.quant.bits.*part.value;
    table.add({part.name, fmt::format("{:.3f} B", parameters / 1e9), fmt::format("{:.4g}", bits),
               fmt::format("{:.2f}", parameters * bits / 8 / kGigabyte)});
  }
  table.add({"total", fmt::format("{:.3f} B", model.parameters.total() / 1e9), "",
             fmt::format("{:.2f}", model.resident_bytes() / kGigabyte)});
  return table.text(ink);
}

std::string reading_text(const Model& model, const std::vector<std::uint64_t>& batches,
                         const Ink& ink) {
  Table table({{"batch"}, {"GB read per step"}, {"experts read"}});
  for (const auto batch : batches) {
    const auto tokens = static_cast<double>(batch);
    const auto bytes = [&](double gamma) { return model.weight_bytes(tokens, gamma) / kGigabyte; };
    const auto share = [&](double gamma) { return 100 * model.coverage(tokens, gamma); };
    const bool spread = model.is_moe() && batch > 1;
    table.add({fmt::format("{}", batch),
               spread ? fmt::format("{:.2f} to {:.2f}", bytes(.5), bytes(1))
                      : fmt::format("{:.2f}", bytes(1)),
               !model.is_moe() ? "-"
               : spread        ? fmt::format("{:.0f} to {:.0f} %", share(.5), share(1))
                               : fmt::format("{:.1f} %", share(1))});
  }
  return table.text(ink);
}

void add_messages(std::string_view strategy, std::uint64_t batch,
                  const std::vector<Message>& messages, Table& table) {
  for (const auto& message : messages) {
    table.add({std::string(strategy), fmt::format("{}", batch), message.operation,
               fmt::format("{}", message.count), fmt::format("{}", message.bytes),
               format_bytes(message.bytes), message.purpose});
  }
}

std::string messages_text(const Model& model, const std::vector<std::uint64_t>& batches,
                          std::uint64_t ranks, const Ink& ink) {
  using enum Table::Align;
  Table table({{"strategy", kLeft},
               {"batch"},
               {"operation", kLeft},
               {"count"},
               {"bytes"},
               {"size"},
               {"purpose", kLeft}});
  for (const auto batch : batches) {
    add_messages(fmt::format("tp{}", ranks), batch, tensor_parallel_messages(model, ranks, batch),
                 table);
    add_messages(fmt::format("pp{}", ranks), batch, pipeline_messages(model, ranks, batch), table);
  }
  return table.empty() ? "one rank sends nothing\n" : table.text(ink);
}

/// What a sequence keeps, beyond the bytes for every token of context.
std::string cache_text(const Model& model) {
  std::string text;
  if (model.latent_dim > 0) {
    text += fmt::format("cache: one vector of {} for all heads, whole on every rank of TP\n",
                        model.latent_dim);
  }
  if (model.sliding_layers > 0) {
    text += fmt::format("window: {} of {} layers keep no more than {} tokens\n",
                        model.sliding_layers, model.kv_layers, model.window);
  }
  if (model.state_bytes > 0) {
    text += fmt::format(
        "state: {:.3f} GB of linear attention for every sequence, read and written "
        "by every step\n",
        model.state_bytes / kGigabyte);
  }
  return text;
}

std::string draft_text(const Model& model) {
  const auto& draft = model.draft;
  if (draft.modules == 0) return {};
  return fmt::format(
      "draft: {} for multi-token prediction, {:.2f} B parameters and {:.2f} GB that no total "
      "contains; one\n  pass reads {:.2f} GB, the head included\n",
      draft.modules == 1 ? "1 module" : fmt::format("{} modules", draft.modules),
      draft.parameters.total() / 1e9, model.draft_resident_bytes() / kGigabyte,
      model.draft_weight_bytes(1, 1) / kGigabyte);
}

void print_text(const Model& model, const std::vector<std::uint64_t>& batches, std::uint64_t ranks,
                const Ink& ink) {
  fmt::print(
      "{} ({}): {:.2f} B parameters, {:.2f} B active for a token. One token reads {:.2f} GB of "
      "weights,\nand {:.0f} KiB of KV cache for every token of context.\n",
      ink.bold(model.name), model.quant.name, model.parameters.total() / 1e9,
      model.active_parameters() / 1e9, model.weight_bytes(1, 1) / kGigabyte,
      model.kv_bytes_per_token() / static_cast<double>(kKibibyte));
  fmt::print("source: {}{}\n", model.source, model.derived ? " [derived]" : "");
  fmt::print("bits: {}\n{}{}\n", model.quant.origin, cache_text(model), draft_text(model));
  fmt::print("{}\n{}\n{}\n", parts_text(model, ink), reading_text(model, batches, ink),
             messages_text(model, batches, ranks, ink));
  fmt::print(
      "One step with one token for each of `batch` sequences, over {} ranks; activations in "
      "bf16. Bytes as in nccl-tests:\nall_gather the total received, send_recv one way. pp: "
      "one micro-batch on its way through all stages.\nGB: 10^9 bytes. The range of experts: "
      "gamma .5 to 1 (1 is uniform routing).\n",
      ranks);
  for (const auto& caveat : model.notes) fmt::print("Note: {}.\n", caveat);
}

}  // namespace

int run_model(const ModelOptions& options) {
  const auto model = find_model(options.model);
  const auto batches = parse_count_list(options.batches);
  if (options.json) {
    fmt::print("{}\n", model_json(model, batches, options.ranks));
  } else {
    print_text(model, batches, options.ranks, Ink(options.colour));
  }
  return 0;
}

}  // namespace wiretax
