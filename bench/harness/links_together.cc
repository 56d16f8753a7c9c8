#include "bench/harness/links_together.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace wiretax::bench {

using Json = nlohmann::json;

double LinksTogether::rate() const {
  double sum = 0;
  for (const auto& link : links) sum += link.seconds > 0 ? link.bytes / link.seconds : 0;
  return sum;
}

void LinksTogether::add_batch(const std::vector<Window>& windows) {
  const auto [begin, late_begin] = std::ranges::minmax(windows, {}, &Window::first_s);
  const auto [early_end, end] = std::ranges::minmax(windows, {}, &Window::last_s);
  common_s += std::max(0.0, early_end.last_s - late_begin.first_s);
  span_s += end.last_s - begin.first_s;
}

std::string encode(const LinksTogether& together) {
  Json links = Json::array();
  for (const auto& link : together.links) {
    links.push_back({{"port", link.port},
                     {"bytes", link.bytes},
                     {"seconds", link.seconds},
                     {"growth", link.growth}});
  }
  return Json{{"links", links}, {"common_s", together.common_s}, {"span_s", together.span_s}}
      .dump();
}

LinksTogether decode_links_together(const std::string& text) {
  const auto json = Json::parse(text);
  LinksTogether together;
  together.common_s = json.at("common_s");
  together.span_s = json.at("span_s");
  for (const auto& link : json.at("links")) {
    together.links.push_back({link.at("port"), link.at("bytes"), link.at("seconds"),
                              link.at("growth").get<verbs::Counters>()});
  }
  return together;
}

}  // namespace wiretax::bench
