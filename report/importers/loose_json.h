#pragma once

#include <cstddef>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "report/importers/importer.h"

namespace wiretax {

/// The JSON documents of a text, one after another, as measuring tools write them: words without
/// quotes (perftest before 2024, and every tool's inf and nan) become texts, and commas before a
/// closing bracket are dropped. Fields named in `unread` are not kept, and alone may stand twice in
/// an object. Throws InputError with file and line: cut off, a key that stands twice, text between
/// the documents, or no JSON at all.
std::vector<nlohmann::json> read_loose_json(const ForeignText& source,
                                            std::span<const std::string_view> unread = {});

/// Likewise, but gives each document away before it reads the next one: of thousands, only one is
/// in memory.
void each_loose_json(const ForeignText& source, std::span<const std::string_view> unread,
                     const std::function<void(nlohmann::json)>& take);

/// Drops what repeats the document before it; whether there was any.
bool drop_repeats(std::vector<nlohmann::json>& documents);

/// Whether a text begins as a JSON object does.
bool begins_as_json(std::string_view text);

/// A number, or a text that is one: "nan", "    -1". Nothing where the field is missing, null or
/// something else.
std::optional<double> foreign_number(const nlohmann::json& object, std::string_view field);

/// A text, or "".
std::string foreign_text(const nlohmann::json& object, std::string_view field);

/// The field if it is an object, else an empty one.
const nlohmann::json& foreign_object(const nlohmann::json& object, std::string_view field);

/// The field if it is an array, else an empty one.
const nlohmann::json& foreign_array(const nlohmann::json& object, std::string_view field);

}  // namespace wiretax
