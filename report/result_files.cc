#include "report/result_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <vector>

#include "report/importers/importer.h"
#include "report/units.h"

namespace wiretax {
namespace {

bool is_own(std::string_view text) {
  return text.find("\"wiretax_schema\"") != std::string_view::npos;
}

bool is_anothers(std::string_view text) {
  return std::ranges::any_of(importers(),
                             [&](const Importer& importer) { return importer.recognises(text); });
}

std::vector<std::filesystem::path> json_files(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  const std::filesystem::directory_iterator entries(directory, error);
  if (error) throw InputError(fmt::format("{}: {}", directory.string(), error.message()));
  for (const auto& entry : entries) {
    std::error_code unknown;  // a link in a circle is no file
    if (entry.is_regular_file(unknown) && entry.path().extension() == ".json")
      files.push_back(entry);
  }
  std::ranges::sort(files);
  return files;
}

/// A directory may hold other JSON beside results, but a file that is cut off or empty is no JSON.
void add_results_in(const std::filesystem::path& directory,
                    std::vector<std::filesystem::path>& results) {
  const auto before = results.size();
  std::vector<std::string> others;
  for (const auto& file : json_files(directory)) {
    std::string text;
    try {
      text = read_file_text(file);
    } catch (const InputError&) {  // whoever reads it says so
      results.push_back(file);
      continue;
    }
    const bool own = is_own(text);
    if (!own && is_anothers(text)) {
      others.push_back(file.filename().string());
    } else if (own || !nlohmann::json::accept(text)) {
      results.push_back(file);
    }
  }
  if (results.size() > before) return;
  throw InputError(fmt::format(
      "{}: there are no result files in it{}", directory.string(),
      others.empty() ? ""
                     : fmt::format(", but output of other tools, which is read where it is named: "
                                   "{}",
                                   fmt::join(others, ", "))));
}

}  // namespace

std::string read_file_text(const std::filesystem::path& path) {
  constexpr std::size_t kMost = kGibibyte;
  constexpr std::size_t kPiece = kMebibyte;
  std::ifstream stream(path, std::ios::binary);
  if (!stream || std::filesystem::is_directory(path)) {
    throw InputError(fmt::format("{}: cannot be read", path.string()));
  }
  std::string text;
  while (stream) {
    const auto before = text.size();
    text.resize(before + kPiece);
    stream.read(text.data() + before, static_cast<std::streamsize>(kPiece));
    text.resize(before + static_cast<std::size_t>(stream.gcount()));
    if (text.size() > kMost) throw InputError(fmt::format("{}: over 1 GiB", path.string()));
  }
  return text;
}

ResultFile read_any_file(const std::filesystem::path& path) {
  const auto text = read_file_text(path);
  const ForeignText foreign{.text = text, .path = path};
  if (is_own(text) || recognise(foreign) == nullptr) return parse_result_file(text, path);
  return import_text(foreign);
}

std::vector<std::filesystem::path> result_paths(std::span<const std::filesystem::path> paths) {
  std::vector<std::filesystem::path> results;
  for (const auto& path : paths) {
    std::error_code unknown;  // then reading it says what is wrong
    if (std::filesystem::is_directory(path, unknown)) {
      add_results_in(path, results);
    } else {
      results.push_back(path);
    }
  }
  return results;
}

std::vector<ResultFile> read_results(std::span<const std::filesystem::path> paths) {
  std::vector<ResultFile> results;
  for (const auto& path : result_paths(paths)) results.push_back(read_any_file(path));
  return results;
}

}  // namespace wiretax
