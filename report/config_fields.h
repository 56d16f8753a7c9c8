#pragma once

// Typed reading of a JSON object with errors that name the field. Includes nlohmann-json: for .cc
// files of report only.

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace wiretax {

/// Parses a JSON object. Throws InputError that names `origin`, the line and what stands there.
nlohmann::json parse_object(std::string_view text, std::string_view origin);

/// Any JSON in which no object has a key twice. Throws likewise.
nlohmann::json parse_unique(std::string_view text, std::string_view origin);

/// The text of a small file. Throws InputError: not readable, or larger than any configuration is.
std::string read_small_file(const std::filesystem::path& path);

/// The fields of one object. Every function throws InputError "origin: field: what is wrong".
/// A field that is null counts as missing, as in Hugging Face's files.
class ConfigFields {
 public:
  /// `object` must outlive this. `prefix` stands before field names in errors: "text_config.".
  ConfigFields(const nlohmann::json& object, std::string origin, std::string prefix = {});

  [[nodiscard]] bool has(std::string_view field) const;
  [[nodiscard]] std::uint64_t count(std::string_view field, std::uint64_t largest) const;
  [[nodiscard]] std::uint64_t count_or(std::string_view field, std::uint64_t largest,
                                       std::uint64_t fallback) const;
  /// Above zero and finite.
  [[nodiscard]] double positive(std::string_view field) const;
  [[nodiscard]] std::optional<bool> flag(std::string_view field) const;
  [[nodiscard]] std::string text(std::string_view field) const;
  /// The object or array of that name, or nullptr.
  [[nodiscard]] const nlohmann::json* find(std::string_view field) const;
  [[nodiscard]] const std::string& origin() const { return origin_; }

  [[noreturn]] void fail(std::string_view field, std::string_view what) const;

 private:
  const nlohmann::json& object_;
  std::string origin_;
  std::string prefix_;
};

}  // namespace wiretax
