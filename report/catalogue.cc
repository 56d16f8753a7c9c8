#include "report/catalogue.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "report/config_fields.h"
#include "report/embedded.h"

namespace wiretax {
namespace {

constexpr std::size_t kNearNames = 5;

/// Edit distance (Levenshtein), one row at a time.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0U);
  for (std::size_t i = 0; i < a.size(); ++i) {
    auto diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const auto changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

bool resembles(std::string_view name, std::string_view candidate) {
  if (name.size() >= 3 && candidate.find(name) != std::string_view::npos) return true;
  return distance(name, candidate) <= std::max(name.size(), candidate.size()) / 3;
}

CatalogueEntry read_entry(const EmbeddedFile& file) {
  const auto origin = fmt::format("models/{}.json", file.name);
  const auto document = parse_object(file.text, origin);
  const ConfigFields fields(document, origin);
  CatalogueEntry entry;
  entry.name = fields.text("name");
  entry.source = fields.text("source");
  entry.derived = fields.flag("derived").value_or(false);
  if (fields.has("quant")) entry.quant = fields.text("quant");
  if (const auto* const aliases = fields.find("aliases")) {
    entry.aliases = aliases->get<std::vector<std::string>>();
  }
  const auto* const config = fields.find("config");
  if (config == nullptr) fields.fail("config", "missing");
  entry.config = config->dump();
  return entry;
}

const CatalogueEntry* find_entry(std::string_view name) {
  const auto wanted = lower_case(name);
  for (const auto& entry : model_catalogue()) {
    const auto same = [&](std::string_view other) { return lower_case(other) == wanted; };
    if (same(entry.name) || std::ranges::any_of(entry.aliases, same)) return &entry;
  }
  return nullptr;
}

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const auto& entry : model_catalogue()) names.push_back(entry.name);
  return names;
}

Model model_of(const CatalogueEntry& entry, std::string_view quant) {
  auto model = parse_model(entry.config, fmt::format("models/{}.json", entry.name),
                           quant.empty() ? std::string_view(entry.quant) : quant);
  model.name = entry.name;
  model.source = entry.source;
  model.derived = entry.derived;
  if (quant.empty() && !entry.quant.empty()) {
    model.quant.origin = fmt::format("the catalogue ({})", entry.quant);
  }
  return model;
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

std::string unknown_name_text(std::string_view kind, std::string_view name,
                              const std::vector<std::string>& candidates) {
  const auto wanted = lower_case(name);
  std::vector<std::string> near;
  for (const auto& candidate : candidates) {
    if (resembles(wanted, lower_case(candidate))) near.push_back(candidate);
  }
  std::ranges::stable_sort(near, {}, [&](const std::string& candidate) {
    return distance(wanted, lower_case(candidate));
  });
  if (near.size() > kNearNames) near.resize(kNearNames);
  if (near.empty()) {
    return fmt::format("{} '{}' is not known; there are {}", kind, name,
                       fmt::join(candidates, ", "));
  }
  return fmt::format("{} '{}' is not known; near: {}", kind, name, fmt::join(near, ", "));
}

const std::vector<CatalogueEntry>& model_catalogue() {
  static const auto kEntries = [] {
    std::vector<CatalogueEntry> all(kEmbeddedModels.size());
    std::ranges::transform(kEmbeddedModels, all.begin(), read_entry);
    return all;
  }();
  return kEntries;
}

Model find_model(std::string_view specification) {
  auto colon = specification.rfind(':');
  if (specification.find('/', colon) != std::string_view::npos) colon = std::string_view::npos;
  const auto name = specification.substr(0, colon);
  const auto quant =
      colon == std::string_view::npos ? std::string_view{} : specification.substr(colon + 1);
  if (!quant.empty()) find_quantisation(quant);
  if (const auto* const entry = find_entry(name)) return model_of(*entry, quant);
  const std::filesystem::path path(name);
  if (std::filesystem::is_directory(path)) return read_model(path / "config.json", quant);
  if (path.extension() == ".json") return read_model(path, quant);
  throw UnknownName(unknown_name_text("model", name, model_names()) + " (or give a config.json)");
}

const std::vector<std::string>& default_models() {
  static const std::vector<std::string> kModels = {"Qwen3.6-27B-FP8",     "gpt-oss-120b",
                                                   "Llama-3.1-8B",        "Llama-3.3-70B:fp8",
                                                   "Qwen3-Coder-30B-A3B", "MiniMax-M2.7:nvfp4"};
  return kModels;
}

}  // namespace wiretax
