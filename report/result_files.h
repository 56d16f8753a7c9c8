#pragma once

#include <filesystem>
#include <string>

#include "report/record.h"

namespace wiretax {

/// The whole file. Throws InputError: not there, a directory, or larger than 1 GiB.
std::string read_file_text(const std::filesystem::path& path);

/// A result file of ours, or another tool's output that an importer knows. Throws InputError.
ResultFile read_any_file(const std::filesystem::path& path);

}  // namespace wiretax
