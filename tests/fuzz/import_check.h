#pragma once

// What every importer owes: any bytes become records that a result file can hold, or one
// InputError.

#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string_view>

#include "report/fabric.h"
#include "report/importers/importer.h"
#include "report/result_json.h"

namespace wiretax {

inline void must(bool holds) {
  if (!holds) std::abort();
}

inline bool same(const Record& a, const Record& b) {
  return a.name == b.name && a.keys == b.keys && a.time_s == b.time_s && a.counters == b.counters &&
         a.verdict == b.verdict && a.reason == b.reason;
}

/// Written and read back it is the same, and fabrics can be made of it.
inline void check_imported(const ResultFile& file) {
  std::ostringstream text;
  write_result_json(file, text);
  const auto back = parse_result_file(text.str(), file.path);
  must(back.context == file.context && back.records.size() == file.records.size());
  for (std::size_t i = 0; i < file.records.size(); ++i) {
    must(same(file.records[i], back.records[i]));
  }
  must(!file.context_value("imported_from").empty());
  try {
    fabrics_of({&file, 1}, 2);
  } catch (const InputError&) {
    // of a kind that is no fabric
  }
}

/// With and without what a user may add.
inline int check_importer(std::string_view name, const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& hints : {ImportHints{}, ImportHints{"net", 2, "MiB/s", "all_reduce"}}) {
    try {
      check_imported(import_text({.text = text, .path = "log", .hints = hints}, name));
    } catch (const InputError& error) {
      must(*error.what() != '\0');
    }
  }
  return 0;
}

}  // namespace wiretax
