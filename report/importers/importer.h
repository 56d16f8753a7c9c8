#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "report/record.h"

namespace wiretax {

/// What the user knows and another tool's file does not tell.
struct ImportHints {
  std::string fabric = {};     // a name for the network; empty: tool and file
  std::uint64_t ranks = 0;     // 0: not said
  std::string unit = {};       // of rates without one: as parse_rate_unit takes them
  std::string operation = {};  // the collective, as wiretax calls it
};

/// Another tool's output.
struct ForeignText {
  std::string_view text;
  std::filesystem::path path;
  ImportHints hints = {};
};

/// Reads one tool's output, in all its formats. What is not understood is an InputError with file
/// and line, or the place in the JSON.
struct Importer {
  std::string_view name;
  std::string_view reads;  // for people
  bool (*recognises)(std::string_view text);
  ResultFile (*read)(const ForeignText& source);
};

std::span<const Importer> importers();

/// The importer of that name. Throws UnknownName.
const Importer& find_importer(std::string_view name);

/// The importer whose output this is, or none. Throws InputError where it is that of several.
const Importer* recognise(const ForeignText& source);

/// The records of another tool's output, in wiretax's names and units. The context says where they
/// are from and how their unit is known: imported_from, imported_version, imported_format,
/// imported_file, imported_unit and wiretax_notes, a list of what a reader has to know. Throws
/// InputError; without a format also where no importer knows the text.
ResultFile import_text(const ForeignText& source, std::string_view format = {});

}  // namespace wiretax
