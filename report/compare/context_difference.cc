#include "report/compare/context_difference.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "report/json_depth.h"
#include "report/table.h"

namespace wiretax {
namespace {

using ContextJson = nlohmann::json;

enum class Effect { kForbids, kSaid, kPassedOver };

struct ContextRule {
  std::string_view path;  // of an entry, without the numbers of ranks and devices
  std::string_view word;  // for people, and for --changed
  Effect effect = Effect::kSaid;
};

/// Another way, another size of packets, other ranks, another GPU: another thing was measured.
/// Versions, kernels, cores and settings are what a comparison is there to judge: they are said.
constexpr std::array kRules = {
    ContextRule{"wiretax_fabric", "fabric", Effect::kForbids},
    ContextRule{"wiretax_fabric_kind", "kind", Effect::kForbids},
    ContextRule{"wiretax_fabric_path", "path", Effect::kForbids},
    ContextRule{"wiretax_mark", "mark", Effect::kForbids},
    ContextRule{"wiretax_transport.verdict", "transport", Effect::kForbids},
    ContextRule{"transport", "transport", Effect::kForbids},
    ContextRule{"mtu", "mtu", Effect::kForbids},
    ContextRule{"interfaces.mtu", "mtu", Effect::kForbids},
    ContextRule{"ranks", "ranks", Effect::kForbids},
    ContextRule{"machines", "machines", Effect::kForbids},
    ContextRule{"nccl.gpu", "gpu", Effect::kForbids},
    ContextRule{"gpu_shared", "gpu_shared", Effect::kForbids},
    ContextRule{"rdma_memory", "memory", Effect::kForbids},
    ContextRule{"wiretax_version", "version"},
    ContextRule{"nccl.nccl", "nccl"},
    ContextRule{"nccl.build_id", "nccl build"},
    ContextRule{"nccl.library", "nccl library"},
    ContextRule{"nccl.cuda_driver", "driver"},
    ContextRule{"wiretax_transport.devices", "devices"},
    ContextRule{"wiretax_transport", "", Effect::kPassedOver},
    ContextRule{"wiretax_schema", "", Effect::kPassedOver},
    ContextRule{"wiretax_status", "", Effect::kPassedOver},
    ContextRule{"wiretax_program", "", Effect::kPassedOver},
    ContextRule{"bound_limits", "", Effect::kPassedOver},
    ContextRule{"command", "", Effect::kPassedOver},
    ContextRule{"seed", "", Effect::kPassedOver},
    ContextRule{"clock_tick_ns", "", Effect::kPassedOver},
    ContextRule{"clock_cost_ns", "", Effect::kPassedOver},
    ContextRule{"date", "", Effect::kPassedOver},
    ContextRule{"executable", "", Effect::kPassedOver},
    ContextRule{"host_name", "", Effect::kPassedOver},
    ContextRule{"load_avg", "", Effect::kPassedOver},
    ContextRule{"mhz_per_cpu", "", Effect::kPassedOver},
    ContextRule{"caches", "", Effect::kPassedOver},
    ContextRule{"json_schema_version", "", Effect::kPassedOver},
    ContextRule{"library_version", "", Effect::kPassedOver},
    ContextRule{"library_build_type", "", Effect::kPassedOver},
};

constexpr std::array<std::string_view, 6> kSettings = {"backend", "interface", "launch",
                                                       "memory",  "place",     "type"};

/// The rule of the path, or of the entry that it is part of.
std::optional<ContextRule> rule_of(std::string_view path) {
  for (const auto& rule : kRules) {
    if (path == rule.path) return rule;
  }
  const auto dot = path.rfind('.');
  return dot == std::string_view::npos ? std::nullopt : rule_of(path.substr(0, dot));
}

/// By path, in order; a list's are all under one path, since ranks mostly agree.
using Entries = std::map<std::string, std::vector<std::string>, std::less<>>;

void flatten(const ContextJson& value, const std::string& path, int depth, Entries& entries) {
  constexpr int kDeepestValue = 4;
  if (depth < kDeepestValue && value.is_object()) {
    for (const auto& [key, inner] : value.items()) {
      flatten(inner, fmt::format("{}.{}", path, key), depth + 1, entries);
    }
  } else if (depth < kDeepestValue && value.is_array()) {
    for (const auto& inner : value) flatten(inner, path, depth + 1, entries);
  } else {
    entries[path].push_back(value.is_string() ? value.get<std::string>() : value.dump());
  }
}

/// Hosts may be called otherwise in every container; how many there are is another matter.
void add_machines(Entries& entries) {
  const auto hosts = entries.find("hosts");
  if (hosts == entries.end()) return;
  const std::set<std::string> distinct(hosts->second.begin(), hosts->second.end());
  entries["machines"] = {fmt::format("{}", distinct.size())};
}

/// wiretax-tcp describes an interface in words: "enp1s0f0np0 10.0.1.1/24 mtu 9000 200 Gb/s".
void add_mtus(Entries& entries) {
  constexpr std::string_view kWord = " mtu ";
  const auto interfaces = entries.find("interfaces");
  if (interfaces == entries.end()) return;
  std::vector<std::string> mtus;
  for (const auto& text : interfaces->second) {
    const auto at = text.find(kWord);
    if (at == std::string::npos) continue;
    const auto begin = at + kWord.size();
    mtus.push_back(text.substr(begin, text.find(' ', begin) - begin));
  }
  if (!mtus.empty()) entries["interfaces.mtu"] = mtus;
}

Entries entries_of(const ResultFile& file) {
  Entries entries;
  for (const auto& [key, text] : file.context) {
    const bool structured = text.starts_with('{') || text.starts_with('[');
    auto value = structured ? parse_shallow(text) : ContextJson(text);
    flatten(value.is_discarded() ? ContextJson(text) : value, key, 0, entries);
  }
  add_machines(entries);
  add_mtus(entries);
  return entries;
}

std::string joined(const std::vector<std::string>& values) {
  std::string text;
  for (const auto& value : values) text += (text.empty() ? "" : ", ") + value;
  return text;
}

/// Where both have as many, only those that differ, each once.
Difference difference_of(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  if (a.size() != b.size()) return {.what = {}, .a = joined(a), .b = joined(b)};
  std::vector<std::string> only_a;
  std::vector<std::string> only_b;
  std::set<std::pair<std::string, std::string>> seen;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || !seen.emplace(a[i], b[i]).second) continue;
    only_a.push_back(a[i]);
    only_b.push_back(b[i]);
  }
  return {.what = {}, .a = joined(only_a), .b = joined(only_b)};
}

void add_difference(const std::string& path, const Entries& a, const Entries& b,
                    std::vector<Difference>& differences) {
  const auto values = [&](const Entries& of) {
    const auto found = of.find(path);
    return found == of.end() ? std::vector<std::string>{} : found->second;
  };
  const auto of_a = values(a);
  const auto of_b = values(b);
  if (of_a == of_b) return;
  const auto rule = rule_of(path).value_or(ContextRule{path, path});
  if (rule.effect == Effect::kPassedOver) return;
  auto difference = difference_of(of_a, of_b);
  difference.what = rule.word;
  difference.forbids = rule.effect == Effect::kForbids && !of_a.empty() && !of_b.empty();
  differences.push_back(std::move(difference));
}

}  // namespace

std::vector<Difference> context_differences(const ResultFile& a, const ResultFile& b) {
  const auto of_a = entries_of(a);
  const auto of_b = entries_of(b);
  std::set<std::string> paths;
  for (const auto& [path, values] : of_a) paths.insert(path);
  for (const auto& [path, values] : of_b) paths.insert(path);
  std::vector<Difference> differences;
  for (const auto& path : paths) add_difference(path, of_a, of_b, differences);
  if (is_named_after_file(a) || is_named_after_file(b)) {
    for (auto& difference : differences) {
      if (difference.what == "fabric") difference.forbids = false;
    }
  }
  return differences;
}

bool is_named_after_file(const ResultFile& file) {
  const auto tool = file.context_value("imported_from");
  const std::filesystem::path from(file.context_value("imported_file"));
  return !tool.empty() && file.context_value("wiretax_fabric") ==
                              fmt::format("{} {}", tool, from.filename().string());
}

bool is_setting(std::string_view key) { return std::ranges::count(kSettings, key) > 0; }

const std::set<std::string, std::less<>>& forbidding_words() {
  static const auto kWords = [] {
    std::set<std::string, std::less<>> all(kSettings.begin(), kSettings.end());
    for (const auto& rule : kRules) {
      if (rule.effect == Effect::kForbids) all.emplace(rule.word);
    }
    return all;
  }();
  return kWords;
}

std::string difference_text(const Difference& difference) {
  constexpr std::size_t kLongestShown = 100;
  const auto shown = [](std::string_view value) {
    const auto text = printable(value.substr(0, kLongestShown));
    if (text.empty()) return std::string("not told");
    return value.size() > kLongestShown ? text + "..." : text;
  };
  return fmt::format("{}: {} and {}", printable(difference.what), shown(difference.a),
                     shown(difference.b));
}

}  // namespace wiretax
