#pragma once

// Other tools' output, imported.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "report/importers/importer.h"

namespace wiretax {

inline std::string sample_path(const std::string& name) {
  return std::string(WIRETAX_TEST_DATA) + "/importers/" + name;
}

inline std::string sample(const std::string& name) {
  std::ifstream stream(sample_path(name), std::ios::binary);
  EXPECT_TRUE(stream) << name;
  return {std::istreambuf_iterator<char>(stream), {}};
}

inline ResultFile imported(std::string_view text, const ImportHints& hints = {}) {
  return import_text({.text = text, .path = "folder/run.log", .hints = hints});
}

inline const Record& only(const ResultFile& file) {
  EXPECT_EQ(file.records.size(), 1U);
  return file.records.at(0);
}

/// What the InputError says; empty where there is none.
inline std::string refusal(std::string_view text, const ImportHints& hints = {}) {
  try {
    imported(text, hints);
  } catch (const InputError& error) {
    return error.what();
  }
  return {};
}

inline std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const auto at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), with);
}

}  // namespace wiretax
