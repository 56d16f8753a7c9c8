#include "bench/harness/rdma_links_body.h"

#include <nlohmann/json.hpp>

#include "bench/harness/clock.h"

namespace wiretax::bench {
namespace {

using Json = nlohmann::json;

}  // namespace

RdmaLinksBody::RdmaLinksBody(std::vector<std::unique_ptr<RdmaBandwidthBody>> links, int pair_index)
    : links_(std::move(links)), pair_index_(pair_index) {
  together_.links.resize(links_.size());
}

bool RdmaLinksBody::sends() const { return !links_.empty() && links_.front()->link().is_from(); }

std::uint64_t RdmaLinksBody::messages(const RdmaSettings& settings) {
  constexpr std::uint64_t kTimesOnTheWay = 20;
  return kTimesOnTheWay * settings.depth * settings.queue_pairs;
}

int RdmaLinksBody::group() const { return sends() ? pair_index_ : kIdle; }

void RdmaLinksBody::run(std::uint64_t n) {
  if (!sends()) return;
  // So few at a time that every link is served before the first has all that it can take.
  constexpr std::uint64_t kSlice = 4;
  std::uint64_t left = n * links_.size() * messages(links_.front()->link().settings());
  std::vector<LinksTogether::Window> windows(links_.size());
  std::vector<std::uint64_t> before;
  for (const auto& link : links_) before.push_back(link->completed());
  std::vector<RdmaWire::Patience> patience;
  for (const auto& link : links_) patience.emplace_back(link->link());
  for (bool busy = true; busy;) {
    busy = left > 0;
    for (std::size_t i = 0; i < links_.size(); ++i) {
      auto& link = *links_[i];
      const int posted = link.post_some(left, kSlice);
      if (posted > 0 && windows[i].first_s == 0) windows[i].first_s = now_s();
      const int polled = link.poll();
      if (polled > 0) windows[i].last_s = now_s();
      const bool waits = link.completed() < link.posted();
      patience[i].note(waits ? posted + polled : 1);
      busy = busy || waits;
    }
  }
  const auto bytes = static_cast<double>(links_.front()->link().settings().bytes);
  for (std::size_t i = 0; i < links_.size(); ++i) {
    windows[i].bytes = static_cast<double>(links_[i]->completed() - before[i]) * bytes;
    together_.links[i].bytes += windows[i].bytes;
  }
  together_.add_batch(windows);
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
    together_.links[i].tells_losses = seen["tells_losses"];
  }
  return encode(together_);
}

}  // namespace wiretax::bench
