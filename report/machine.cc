#include "report/machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "report/catalogue.h"
#include "report/config_fields.h"
#include "report/embedded.h"
#include "report/units.h"

namespace wiretax {
namespace {

Band read_band(const ConfigFields& fields, std::string_view field) {
  const auto* const object = fields.find(field);
  if (object == nullptr) fields.fail(field, "missing");
  if (!object->is_object()) fields.fail(field, "not an object of low, mid and high");
  const ConfigFields inner(*object, fields.origin(), fmt::format("{}.", field));
  const Band band{inner.positive("low"), inner.positive("mid"), inner.positive("high")};
  if (band.low > band.mid || band.mid > band.high) fields.fail(field, "not low <= mid <= high");
  return band;
}

Band scaled(const Band& band, double factor) {
  return {band.low * factor, band.mid * factor, band.high * factor};
}

bool has_name(const EmbeddedFile& file, std::string_view wanted) {
  if (lower_case(file.name) == wanted) return true;
  const auto document = parse_object(file.text, file.name);
  const auto aliases = document.value("aliases", std::vector<std::string>{});
  return std::ranges::any_of(aliases,
                             [&](const auto& alias) { return lower_case(alias) == wanted; });
}

}  // namespace

Machine parse_machine(std::string_view json, std::string_view origin) {
  const auto document = parse_object(json, origin);
  const ConfigFields fields(document, std::string(origin));
  Machine machine;
  machine.name = fields.text("name");
  if (fields.has("gpu")) machine.gpu = fields.text("gpu");
  machine.memory_bytes = fields.positive("memory_gib") * static_cast<double>(kGibibyte);
  machine.reserve_bytes = fields.positive("reserve_gib") * static_cast<double>(kGibibyte);
  machine.memory_bytes_per_s = fields.positive("memory_GBps") * kGigabyte;
  machine.efficiency = read_band(fields, "efficiency");
  if (machine.efficiency.high > 1) fields.fail("efficiency.high", "is a share, so at most 1");
  machine.fixed_s = scaled(read_band(fields, "fixed_ms"), kMillisecond);
  machine.compute_flops_per_s = fields.positive("compute_tflops") * kTeraflop;
  if (fields.has("prefill_tflops")) {
    machine.prefill_flops_per_s = scaled(read_band(fields, "prefill_tflops"), kTeraflop);
  }
  if (fields.has("gamma")) {
    machine.gamma = read_band(fields, "gamma");
    if (machine.gamma->high > 1) fields.fail("gamma.high", "at 1 experts overlap least");
  }
  machine.compute_verified = fields.flag("compute_verified").value_or(false);
  if (machine.reserve_bytes >= machine.memory_bytes) {
    fields.fail("reserve_gib", "leaves nothing of memory_gib");
  }
  if (const auto* const sources = fields.find("sources")) {
    if (!sources->is_object()) fields.fail("sources", "not an object of texts");
    const ConfigFields inner(*sources, fields.origin(), "sources.");
    for (const auto& [field, source] : sources->items()) {
      machine.sources.emplace(field, inner.text(field));
    }
  }
  return machine;
}

std::string machine_json(const Machine& machine) {
  using Json = nlohmann::ordered_json;
  const auto band = [](const Band& value, double unit) {
    return Json{{"low", value.low / unit}, {"mid", value.mid / unit}, {"high", value.high / unit}};
  };
  Json json = {{"name", machine.name}};
  if (!machine.gpu.empty()) json["gpu"] = machine.gpu;
  json["memory_gib"] = machine.memory_bytes / static_cast<double>(kGibibyte);
  json["reserve_gib"] = machine.reserve_bytes / static_cast<double>(kGibibyte);
  json["memory_GBps"] = machine.memory_bytes_per_s / kGigabyte;
  json["efficiency"] = band(machine.efficiency, 1);
  json["fixed_ms"] = band(machine.fixed_s, kMillisecond);
  json["compute_tflops"] = machine.compute_flops_per_s / kTeraflop;
  json["compute_verified"] = machine.compute_verified;
  if (const auto& rate = machine.prefill_flops_per_s)
    json["prefill_tflops"] = band(*rate, kTeraflop);
  if (machine.gamma) json["gamma"] = band(*machine.gamma, 1);
  json["sources"] = machine.sources;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::vector<std::string> machine_names() {
  std::vector<std::string> names;
  names.reserve(kEmbeddedMachines.size());
  for (const auto& file : kEmbeddedMachines) names.emplace_back(file.name);
  return names;
}

Machine find_machine(std::string_view name_or_file) {
  const auto wanted = lower_case(name_or_file);
  for (const auto& file : kEmbeddedMachines) {
    if (has_name(file, wanted)) {
      return parse_machine(file.text, fmt::format("machines/{}.json", file.name));
    }
  }
  const std::filesystem::path path(name_or_file);
  if (path.extension() == ".json") return parse_machine(read_small_file(path), path.string());
  throw UnknownName(unknown_name_text("machine", name_or_file, machine_names()) +
                    " (or give a JSON file)");
}

}  // namespace wiretax
