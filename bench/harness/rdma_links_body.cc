#include "bench/harness/rdma_links_body.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/harness/clock.h"

namespace wiretax::bench {
namespace {

using Json = nlohmann::json;

/// When a link began and ended within one batch.
struct Window {
  double first_s = 0;
  double last_s = 0;
};

}  // namespace

double LinksTogether::rate() const {
  double sum = 0;
  for (const auto& link : links) sum += link.seconds > 0 ? link.bytes / link.seconds : 0;
  return sum;
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

RdmaLinksBody::RdmaLinksBody(std::vector<std::unique_ptr<RdmaBandwidthBody>> links, int pair_index)
    : links_(std::move(links)), pair_index_(pair_index), together_{} {
  together_.links.resize(links_.size());
}

bool RdmaLinksBody::sends() const { return !links_.empty() && links_.front()->link().is_from(); }

std::uint64_t RdmaLinksBody::messages() const {
  return kDepths * links_.front()->link().settings().depth * links_.size();
}

int RdmaLinksBody::group() const { return sends() ? pair_index_ : kIdle; }

void RdmaLinksBody::run(std::uint64_t n) {
  if (!sends()) return;
  // So few at a time that every link is served before the first has all that it can take.
  constexpr std::uint64_t kSlice = 4;
  std::uint64_t left = n * messages();
  std::vector<Window> windows(links_.size());
  std::vector<std::uint64_t> before;
  for (const auto& link : links_) before.push_back(link->completed());
  RdmaWire::Patience patience(links_.front()->link());
  for (bool busy = true; busy;) {
    busy = left > 0;
    int progress = 0;
    for (std::size_t i = 0; i < links_.size(); ++i) {
      auto& link = *links_[i];
      const int posted = link.post_some(left, kSlice);
      if (posted > 0 && windows[i].first_s == 0) windows[i].first_s = now_s();
      const int polled = link.poll();
      if (polled > 0) windows[i].last_s = now_s();
      progress += posted + polled;
      busy = busy || link.completed() < link.posted();
    }
    patience.note(progress);
  }
  const auto bytes = static_cast<double>(links_.front()->link().settings().bytes);
  for (std::size_t i = 0; i < links_.size(); ++i) {
    auto& sum = together_.links[i];
    sum.bytes += static_cast<double>(links_[i]->completed() - before[i]) * bytes;
    sum.seconds += windows[i].last_s - windows[i].first_s;
  }
  const auto [begin, late_begin] = std::ranges::minmax(windows, {}, &Window::first_s);
  const auto [early_end, end] = std::ranges::minmax(windows, {}, &Window::last_s);
  together_.common_s += std::max(0.0, early_end.last_s - late_begin.first_s);
  together_.span_s += end.last_s - begin.first_s;
}

void RdmaLinksBody::check() {
  for (const auto& link : links_) link->check();
}

void RdmaLinksBody::hang_up() noexcept {
  for (const auto& link : links_) link->hang_up();
}

std::string RdmaLinksBody::evidence() {
  for (std::size_t i = 0; i < links_.size(); ++i) {
    const auto seen = Json::parse(links_[i]->evidence());
    together_.links[i].port = seen["port"];
    together_.links[i].growth = seen["growth"].get<verbs::Counters>();
  }
  return encode(together_);
}

}  // namespace wiretax::bench
