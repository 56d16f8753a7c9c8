#include "collectives/backends/one_shot_mesh.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "verbs/check.h"
#include "verbs/completion.h"

namespace wiretax::collectives {
namespace {

using Json = nlohmann::json;

// A cache line of its own for what different peers write.
constexpr std::size_t kLine = 64;
constexpr std::size_t kWord = sizeof(std::uint64_t);
// Below this a second link costs more than it carries.
constexpr std::size_t kLeastPart = std::size_t{32} * 1024;
// What a small all_reduce of one element or a flag needs; more makes every slot of the queue
// larger.
constexpr std::uint32_t kInline = 256;
constexpr std::uint64_t kUnawaited = ~std::uint64_t{0};

std::size_t padded(std::size_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

verbs::Gid gid_of(const verbs::Device& device, verbs::WantedIpv4 ipv4) {
  const auto& port = device.port();
  const auto choice = verbs::choose_gid(port.gids, port.netdev, port.ethernet(), ipv4);
  if (!choice.gid) {
    throw std::runtime_error(fmt::format("{} cannot be used: {}", port.name(), choice.reason));
  }
  return *choice.gid;
}

}  // namespace

Layout::Layout(std::size_t own, std::size_t windows, std::size_t ranks, std::size_t message)
    : windows_(windows),
      ranks_(ranks),
      message_bytes_(message),
      message_stride_(padded(message)),
      messages_(padded(own)),
      flags_(messages_ + windows * ranks * message_stride_),
      flag_sources_(flags_ + windows * ranks * kMostLinks * kWord),
      credits_(flag_sources_ + windows * ranks * kMostLinks * kWord),
      credit_sources_(credits_ + ranks * kLine),
      bytes_(credit_sources_ + ranks * kLine) {
  static_assert(kMostLinks * kWord == kLine);
}

std::size_t Layout::message(std::size_t window, std::size_t peer) const {
  return messages_ + place(window, peer) * message_stride_;
}
std::size_t Layout::flag(std::size_t window, std::size_t peer, std::size_t link) const {
  return flags_ + place(window, peer) * kLine + link * kWord;
}
std::size_t Layout::flag_source(std::size_t window, std::size_t peer, std::size_t link) const {
  return flag_sources_ + place(window, peer) * kLine + link * kWord;
}
std::size_t Layout::credit(std::size_t peer) const { return credits_ + peer * kLine; }
std::size_t Layout::credit_source(std::size_t peer) const { return credit_sources_ + peer * kLine; }

Mesh::Mesh(const OneShotGroup& group, const Layout& layout, std::size_t keys)
    : group_(group),
      layout_(layout),
      buffer_(layout.bytes(), group.memory, group.cuda),
      links_(group.links.size()),
      on_their_way_(keys + group.links.size()),
      keys_(keys) {
  // Of each window a message and its flag; a credit for each; and as many that are done, but not
  // yet taken out of the completion queue.
  const auto requests = static_cast<std::uint32_t>(8 * layout.windows() + 8);
  for (std::size_t peer = 0; peer < group.links.size(); ++peer) {
    for (const auto& link : group.links[peer]) {
      if (links_[peer].size() == Layout::kMostLinks) break;
      auto device = std::make_unique<verbs::Device>(link.port);
      check_size(*device, peer);
      auto endpoint = std::make_unique<verbs::Endpoint>(
          *device, gid_of(*device, link.ipv4), buffer_.bytes(),
          verbs::EndpointSettings{.depths = {.sends = requests,
                                             .receives = 1,
                                             .inline_bytes = kInline,
                                             .less_inline_will_do = true},
                                  .ack_timeout = group.ack_timeout});
      links_[peer].push_back({std::move(device), std::move(endpoint)});
    }
  }
}

void Mesh::check_size(const verbs::Device& device, std::size_t peer) const {
  const auto links = std::min(group_.links[peer].size(), Layout::kMostLinks);
  const auto bytes = layout_.message_bytes();
  const auto part = part_of(bytes, std::clamp<std::size_t>(bytes / kLeastPart, 1, links), 0).bytes;
  const auto limit =
      std::min<std::uint64_t>(device.largest_message(), std::numeric_limits<std::uint32_t>::max());
  if (part <= limit) return;
  throw std::invalid_argument(fmt::format(
      "{}: messages of {} bytes wanted, its limit (max_msg_sz) is {}: use smaller --bytes",
      device.port().name(), part, limit));
}

std::string Mesh::address() const {
  Json by_peer = Json::array();
  for (const auto& links : links_) {
    Json ends = Json::array();
    for (const auto& link : links) ends.push_back(verbs::encode(link.endpoint->address()));
    by_peer.push_back(std::move(ends));
  }
  return by_peer.dump();
}

void Mesh::connect(const std::vector<std::string>& addresses) {
  const auto self = static_cast<std::size_t>(group_.rank);
  for (std::size_t peer = 0; peer < links_.size(); ++peer) {
    const auto ends = Json::parse(addresses.at(peer)).at(self);
    for (std::size_t i = 0; i < links_[peer].size(); ++i) {
      links_[peer][i].endpoint->connect(verbs::decode(ends.at(i).get<std::string>()));
    }
  }
}

std::byte* Mesh::message(std::uint64_t number, std::size_t peer) const {
  return at(layout_.message(number % layout_.windows(), peer));
}

std::size_t Mesh::links_for(std::size_t peer, std::size_t bytes) const {
  return std::clamp<std::size_t>(bytes / kLeastPart, 1, links_[peer].size());
}

Mesh::Part Mesh::part_of(std::size_t bytes, std::size_t links, std::size_t i) {
  const auto each = padded((bytes + links - 1) / links);
  const auto offset = std::min(bytes, i * each);
  return {offset, std::min(bytes - offset, each)};
}

void Mesh::put(std::size_t peer, std::uint64_t number, const std::byte* source, std::size_t bytes,
               std::size_t key) {
  const auto window = number % layout_.windows();
  const auto self = static_cast<std::size_t>(group_.rank);
  const auto links = links_for(peer, bytes);
  for (std::size_t i = 0; i < links; ++i) {
    const auto part = part_of(bytes, links, i);
    auto& link = links_[peer][i];
    Write data;
    prepare(link, source + part.offset, part.bytes, layout_.message(window, self) + part.offset,
            data);
    Write flag;
    prepare_word(link, layout_.flag_source(window, peer, i), layout_.flag(window, self, i),
                 number + 1, key, flag);
    data.request.next = &flag.request;  // the device is told once of both
    ++on_their_way_[key];
    post(link, part.bytes > 0 ? data : flag);
  }
}

void Mesh::await_sent(std::size_t key) {
  wait_until([&] { return on_their_way_[key] == 0; }, links_.size());
}

void Mesh::await_message(std::size_t peer, std::uint64_t number, std::size_t bytes) {
  const auto window = number % layout_.windows();
  const auto links = links_for(peer, bytes);
  for (std::size_t i = 0; i < links; ++i) {
    wait_until([&] { return word(layout_.flag(window, peer, i)) > number; }, peer);
  }
}

void Mesh::give_credit(std::size_t peer, std::uint64_t count) {
  // Nothing else may make a receiver look at its completions, and its queue is finite.
  const auto key = keys_ + peer;
  wait_until([&] { return on_their_way_[key] < layout_.windows(); }, peer);
  ++on_their_way_[key];
  const auto self = static_cast<std::size_t>(group_.rank);
  auto& link = links_[peer].front();
  Write credit;
  prepare_word(link, layout_.credit_source(peer), layout_.credit(self), count, key, credit);
  post(link, credit);
}

void Mesh::await_credit(std::size_t peer, std::uint64_t number) {
  wait_until([&] { return number < word(layout_.credit(peer)) + layout_.windows(); }, peer);
}

/// A write that tells of nothing.
void Mesh::prepare(Link& link, const std::byte* source, std::size_t bytes,
                   std::size_t remote_offset, Write& write) {
  auto& end = *link.endpoint;
  write.at = {.addr = reinterpret_cast<std::uint64_t>(source),
              .length = static_cast<std::uint32_t>(bytes),
              .lkey = end.local_key()};
  auto& request = write.request;
  request.wr_id = kUnawaited;
  request.sg_list = &write.at;
  request.num_sge = 1;
  request.opcode = IBV_WR_RDMA_WRITE;
  if (bytes <= end.queue_pairs().front().inline_bytes()) request.send_flags = IBV_SEND_INLINE;
  request.wr.rdma.remote_addr = end.peer().memory + remote_offset;
  request.wr.rdma.rkey = end.peer().remote_key;
}

/// A word that tells of its completion by `key`.
void Mesh::prepare_word(Link& link, std::size_t source, std::size_t remote_offset,
                        std::uint64_t value, std::size_t key, Write& write) {
  auto& word = *reinterpret_cast<std::uint64_t*>(at(source));
  std::atomic_ref(word).store(value, std::memory_order_release);
  prepare(link, at(source), kWord, remote_offset, write);
  write.request.wr_id = key;
  write.request.send_flags |= IBV_SEND_SIGNALED;
}

void Mesh::post(Link& link, Write& first) {
  verbs::check_number(link.endpoint->queue_pairs().front().post(first.request), "ibv_post_send");
}

std::uint64_t Mesh::word(std::size_t offset) const {
  return std::atomic_ref(*reinterpret_cast<std::uint64_t*>(at(offset)))
      .load(std::memory_order_acquire);
}

/// Looks at the completions now and then, so that an error ends the wait, and at the clock.
/// `peer`: who is waited for, or nobody in particular.
template <typename Done>
void Mesh::wait_until(Done done, std::size_t peer) {
  constexpr std::uint64_t kPoll = 64;
  constexpr std::uint64_t kClock = 64 * kPoll;
  double since_s = 0;
  for (std::uint64_t spins = 0; !done(); ++spins) {
    if (spins % kPoll != 0) continue;
    poll();
    if (spins % kClock != 0) continue;
    const double now_s = group_.now_s();
    if (spins == 0) since_s = now_s;
    if (now_s - since_s < group_.patience_s) continue;
    throw PeerSilent(fmt::format("{} for {:.0f} s",
                                 peer < links_.size() ? "nothing came from " + group_.names[peer]
                                                      : "no write was acknowledged",
                                 group_.patience_s));
  }
}

void Mesh::poll() {
  std::array<ibv_wc, 16> completions;
  for (std::size_t peer = 0; peer < links_.size(); ++peer) {
    for (const auto& link : links_[peer]) {
      const auto& name = link.device->port().name();
      const int count = link.endpoint->poll(completions);
      if (count < 0) throw std::runtime_error(name + ": ibv_poll_cq failed: the device is gone");
      for (const auto& completion : std::span(completions).first(static_cast<std::size_t>(count))) {
        if (completion.status != IBV_WC_SUCCESS) {
          throw PeerLost(
              fmt::format("{} over {}: {}", group_.names[peer], name, verbs::explain(completion)));
        }
        if (completion.wr_id != kUnawaited) --on_their_way_[completion.wr_id];
      }
    }
  }
}

}  // namespace wiretax::collectives
