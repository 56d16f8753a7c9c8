#include "report/model.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "report/catalogue.h"
#include "report/commands/commands.h"
#include "report/traffic.h"
#include "report/units.h"

namespace wiretax {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> caveats_of(const Model& model) { return model.notes; }

Json messages_json(const std::vector<Message>& messages) {
  Json list = Json::array();
  for (const auto& message : messages) {
    list.push_back({{"operation", message.operation},
                    {"bytes", message.bytes},
                    {"count", message.count},
                    {"purpose", message.purpose}});
  }
  return list;
}

void print_json(const Model& model, const std::vector<std::uint64_t>& batches,
                std::uint64_t ranks) {
  Json json = {{"schema", 1},
               {"model", model.name},
               {"quant", model.quant.name},
               {"source", model.source},
               {"derived", model.derived},
               {"parameters", {{"total", model.parameters.total()}}},
               {"active_parameters", model.active_parameters()},
               {"resident_bytes", model.resident_bytes()},
               {"kv_bytes_per_token", model.kv_bytes_per_token()},
               {"ranks", ranks},
               {"caveats", caveats_of(model)},
               {"batches", Json::array()}};
  for (const auto& part : kParts) {
    const double parameters = model.parameters.*part.value;
    if (parameters > 0) json["parameters"][part.name] = parameters;
  }
  for (const auto batch : batches) {
    json["batches"].push_back(
        {{"batch", batch},
         {"weight_bytes", model.weight_bytes(static_cast<double>(batch), 1)},
         {"tensor_parallel", messages_json(tensor_parallel_messages(model, ranks, batch))},
         {"pipeline", messages_json(pipeline_messages(model, ranks, batch))}});
  }
  fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
}

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

void print_text(const Model& model, const std::vector<std::uint64_t>& batches, std::uint64_t ranks,
                const Ink& ink) {
  fmt::print(
      "{} ({}): {:.2f} B parameters, {:.2f} B active for a token. One token reads {:.2f} GB of "
      "weights,\nand {:.0f} KiB of KV cache for every token of context.\n",
      ink.bold(model.name), model.quant.name, model.parameters.total() / 1e9,
      model.active_parameters() / 1e9, model.weight_bytes(1, 1) / kGigabyte,
      model.kv_bytes_per_token() / static_cast<double>(kKibibyte));
  fmt::print("source: {}{}\n\n", model.source, model.derived ? " [derived]" : "");
  fmt::print("{}\n{}\n{}\n", parts_text(model, ink), reading_text(model, batches, ink),
             messages_text(model, batches, ranks, ink));
  fmt::print(
      "One step with one token for each of `batch` sequences, over {} ranks; activations in "
      "bf16. Bytes as in nccl-tests:\nall_gather the total received, send_recv one way. pp: "
      "one micro-batch on its way through all stages.\nGB: 10^9 bytes. The range of experts: "
      "gamma .5 to 1 (1 is uniform routing).\n",
      ranks);
  for (const auto& caveat : caveats_of(model)) fmt::print("Note: {}.\n", caveat);
}

}  // namespace

int run_model(const ModelOptions& options) {
  const auto model = find_model(options.model);
  const auto batches = parse_count_list(options.batches);
  if (options.json) {
    print_json(model, batches, options.ranks);
  } else {
    print_text(model, batches, options.ranks, Ink(options.colour));
  }
  return 0;
}

}  // namespace wiretax
