#include "bench/harness/links_together.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace wiretax::bench {
namespace {

using Json = nlohmann::json;

}  // namespace

double LinksTogether::rate(std::size_t link) const {
  return common_s > 0 ? links.at(link).common_bytes / common_s : 0;
}

double LinksTogether::rate() const {
  double sum = 0;
  for (std::size_t link = 0; link < links.size(); ++link) sum += rate(link);
  return sum;
}

void LinksTogether::add_batch(const std::vector<Window>& windows) {
  const auto [begin, late_begin] = std::ranges::minmax(windows, {}, &Window::first_s);
  const auto [early_end, end] = std::ranges::minmax(windows, {}, &Window::last_s);
  const double common = std::max(0.0, early_end.last_s - late_begin.first_s);
  common_s += common;
  span_s += end.last_s - begin.first_s;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const double own_s = windows[i].last_s - windows[i].first_s;
    if (own_s > 0) links.at(i).common_bytes += windows[i].bytes * common / own_s;
  }
}

void LinksTogether::begin_measuring() {
  common_s = 0;
  span_s = 0;
  for (auto& link : links) link.common_bytes = 0;
}

std::string encode(const LinksTogether& together) {
  Json links = Json::array();
  for (const auto& link : together.links) {
    links.push_back({{"port", link.port},
                     {"bytes", link.bytes},
                     {"common_bytes", link.common_bytes},
                     {"growth", link.growth},
                     {"tells_losses", link.tells_losses}});
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
    together.links.push_back({link.at("port"), link.at("bytes"), link.at("common_bytes"),
                              link.at("growth").get<verbs::Counters>(), link.at("tells_losses")});
  }
  return together;
}

}  // namespace wiretax::bench
