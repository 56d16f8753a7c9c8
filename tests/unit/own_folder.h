#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace wiretax {

/// Where a test may write. Tests run side by side, each in a process of its own.
inline std::filesystem::path own_folder() {
  return std::filesystem::path(testing::TempDir()) / ("wiretax_test_" + std::to_string(getpid()));
}

}  // namespace wiretax
