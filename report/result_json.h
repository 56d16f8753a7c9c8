#pragma once

#include <filesystem>
#include <ostream>

#include "report/record.h"

namespace wiretax {

/// The file as Google Benchmark's JSON with wiretax's context, which parse_result_file reads back
/// to the same records and context.
void write_result_json(const ResultFile& file, std::ostream& out);

/// Likewise, into a file that is whole or not there. Throws InputError where it cannot be written.
void write_result_file(const ResultFile& file, const std::filesystem::path& path);

}  // namespace wiretax
