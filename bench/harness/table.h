#pragma once

#include <string>
#include <string_view>

namespace wiretax::bench {

/// The rows of a result file's text as a table for people, sorted by curve and size.
std::string result_table(std::string_view result_text, bool color);

}  // namespace wiretax::bench
