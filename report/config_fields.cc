#include "report/config_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "report/json_depth.h"
#include "report/record.h"
#include "report/units.h"

namespace wiretax {
namespace {

using Json = nlohmann::json;

/// Configurations are kilobytes; the largest seen lists every quantised module in 90 KB.
constexpr std::uintmax_t kLargestConfig = 16 * kMebibyte;
constexpr std::size_t kQuoted = 40;

/// A JSON error's byte as people look for it: the line, and what stands in it.
std::string place_of(std::string_view text, std::size_t byte) {
  const auto at = std::min(byte == 0 ? 0 : byte - 1, text.size());
  const auto before = text.substr(0, at);
  const auto line = 1 + std::ranges::count(before, '\n');
  const auto begin = before.rfind('\n') + 1;  // npos + 1 is 0
  auto rest = text.substr(begin, text.find('\n', at) - begin);
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  auto quoted = std::string(rest.substr(0, kQuoted));
  std::ranges::replace_if(
      quoted, [](unsigned char c) { return c < ' ' || c > '~'; }, '?');
  return fmt::format("line {}: '{}'", line, quoted);
}

/// `watch` sees every event of the parser.
Json parse_guarded(std::string_view text, std::string_view origin,
                   const Json::parser_callback_t& watch = nullptr) {
  if (text.empty()) throw InputError(fmt::format("{}: the file is empty", origin));
  if (nests_too_deep(text)) {
    throw InputError(fmt::format("{}: nested deeper than {} levels", origin, kDeepestJson));
  }
  try {
    return Json::parse(text, watch);
  } catch (const Json::parse_error& error) {
    throw InputError(fmt::format("{}: not JSON at {}", origin, place_of(text, error.byte)));
  } catch (const Json::exception& error) {
    throw InputError(fmt::format("{}: {}", origin, error.what()));
  }
}

}  // namespace

Json parse_object(std::string_view text, std::string_view origin) {
  auto document = parse_guarded(text, origin);
  if (!document.is_object()) throw InputError(fmt::format("{}: not a JSON object", origin));
  return document;
}

Json parse_unique(std::string_view text, std::string_view origin) {
  std::map<int, std::set<std::string>> seen;  // by depth
  return parse_guarded(text, origin, [&](int depth, Json::parse_event_t event, const Json& value) {
    if (event == Json::parse_event_t::object_start) seen[depth + 1].clear();
    if (event != Json::parse_event_t::key) return true;
    const auto& key = value.get_ref<const std::string&>();
    if (seen[depth].insert(key).second) return true;
    throw InputError(fmt::format("{}: '{}' is there twice in one object", origin, key));
  });
}

std::string read_small_file(const std::filesystem::path& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  std::ifstream stream(path, std::ios::binary);
  if (error || !stream) {
    throw InputError(fmt::format("{}: cannot be read{}", path.string(),
                                 error ? ": " + error.message() : std::string{}));
  }
  if (size > kLargestConfig) {
    throw InputError(fmt::format("{}: {} is too large for a configuration (at most {})",
                                 path.string(), format_bytes(size), format_bytes(kLargestConfig)));
  }
  return {std::istreambuf_iterator<char>(stream), {}};
}

ConfigFields::ConfigFields(const Json& object, std::string origin, std::string prefix)
    : object_(object), origin_(std::move(origin)), prefix_(std::move(prefix)) {}

void ConfigFields::fail(std::string_view field, std::string_view what) const {
  throw InputError(fmt::format("{}: {}{}: {}", origin_, prefix_, field, what));
}

const Json* ConfigFields::find(std::string_view field) const {
  const auto found = object_.find(field);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

bool ConfigFields::has(std::string_view field) const { return find(field) != nullptr; }

std::uint64_t ConfigFields::count(std::string_view field, std::uint64_t largest) const {
  const auto* const value = find(field);
  if (value == nullptr) fail(field, "missing");
  if (!value->is_number_integer()) {
    fail(field, fmt::format("{} is not a whole number", value->dump().substr(0, kQuoted)));
  }
  const bool fits = value->is_number_unsigned() && value->get<std::uint64_t>() >= 1 &&
                    value->get<std::uint64_t>() <= largest;
  if (!fits) fail(field, fmt::format("{} is not in 1 to {}", value->dump(), largest));
  return value->get<std::uint64_t>();
}

std::uint64_t ConfigFields::count_or(std::string_view field, std::uint64_t largest,
                                     std::uint64_t fallback) const {
  const auto* const value = find(field);
  if (value == nullptr) return fallback;
  if (value->is_number_unsigned() && value->get<std::uint64_t>() == 0) return 0;
  return count(field, largest);
}

double ConfigFields::positive(std::string_view field) const {
  const auto* const value = find(field);
  if (value == nullptr) fail(field, "missing");
  if (!value->is_number()) {
    fail(field, fmt::format("{} is not a number", value->dump().substr(0, kQuoted)));
  }
  const auto number = value->get<double>();
  if (!std::isfinite(number) || number <= 0) fail(field, fmt::format("{} is not above 0", number));
  return number;
}

std::optional<bool> ConfigFields::flag(std::string_view field) const {
  const auto* const value = find(field);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) {
    fail(field, fmt::format("{} is not true or false", value->dump().substr(0, kQuoted)));
  }
  return value->get<bool>();
}

std::string ConfigFields::text(std::string_view field) const {
  const auto* const value = find(field);
  if (value == nullptr) fail(field, "missing");
  if (!value->is_string()) {
    fail(field, fmt::format("{} is not a text", value->dump().substr(0, kQuoted)));
  }
  return value->get<std::string>();
}

}  // namespace wiretax
