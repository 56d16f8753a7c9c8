#include "report/importers/foreign_lines.h"

namespace wiretax {
namespace {

constexpr std::string_view kBlanks = " \t\r\v\f";
constexpr std::string_view kDigits = "0123456789";

/// "[1,0]<stdout>:", "[0] " of mpirun, "0: " of srun.
std::string_view without_rank(std::string_view line) {
  if (line.starts_with('[')) {
    const auto end = line.find(']');
    if (end == std::string_view::npos || line.find_first_not_of("0123456789,", 1) != end) {
      return line;
    }
    auto rest = line.substr(end + 1);
    for (const std::string_view stream : {"<stdout>:", "<stderr>:"}) {
      if (rest.starts_with(stream)) rest.remove_prefix(stream.size());
    }
    return rest;
  }
  const auto colon = line.find_first_not_of(kDigits);
  const bool labelled =
      colon != std::string_view::npos && colon > 0 && line.substr(colon).starts_with(": ");
  return labelled ? line.substr(colon + 2) : line;
}

void split(std::string_view line, std::vector<std::string_view>& words) {
  words.clear();
  for (auto begin = line.find_first_not_of(kBlanks); begin != std::string_view::npos;) {
    const auto end = line.find_first_of(kBlanks, begin);
    words.push_back(line.substr(begin, end - begin));
    begin = end == std::string_view::npos ? end : line.find_first_not_of(kBlanks, end);
  }
}

}  // namespace

bool ForeignLines::next() {
  if (rest_.empty()) return false;
  const auto end = rest_.find('\n');
  unfinished_ = end == std::string_view::npos;
  line_ = without_rank(rest_.substr(0, end));
  rest_.remove_prefix(unfinished_ ? rest_.size() : end + 1);
  ++number_;
  split(line_, words_);
  return true;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

}  // namespace wiretax
