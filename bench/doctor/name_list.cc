#include "bench/doctor/name_list.h"

#include <algorithm>
#include <charconv>

namespace wiretax::doctor {

NameList::NameList(std::string_view text) {
  excludes_ = text.starts_with('^');
  if (excludes_) text.remove_prefix(1);
  whole_ = text.starts_with('=');
  if (whole_) text.remove_prefix(1);
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const auto item = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (item.empty()) continue;
    const auto colon = std::min(item.find(':'), item.size());
    Entry entry{.name = std::string(item.substr(0, colon))};
    const auto number = item.substr(std::min(colon + 1, item.size()));
    int port = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), port);
    if (error == std::errc()) entry.port = port;
    entries_.push_back(std::move(entry));
  }
}

bool NameList::takes(std::string_view name, int port) const {
  if (entries_.empty()) return !excludes_;  // "^" alone leaves out all, as NCCL reads it
  const bool listed = std::ranges::any_of(entries_, [&](const Entry& entry) {
    const bool same = whole_ ? name == entry.name : name.starts_with(entry.name);
    return same && (entry.port == kAnyPort || port == kAnyPort || entry.port == port);
  });
  return listed != excludes_;
}

}  // namespace wiretax::doctor
