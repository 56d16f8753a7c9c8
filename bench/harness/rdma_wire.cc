#include "bench/harness/rdma_wire.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>

#include "bench/harness/clock.h"
#include "verbs/completion.h"

namespace wiretax::bench {
namespace {

using Json = nlohmann::json;

constexpr double kWireDeadline = 10;
constexpr double kAskEvery = 1;
constexpr double kConnectDeadline = 5;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kWordBytes = sizeof(std::uint64_t);

std::size_t padded(std::size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

/// Out, in, the other end's words, and the values of ours on their way.
std::size_t memory_bytes(const RdmaSettings& settings) {
  return 2 * padded(settings.bytes) + 2 * padded((settings.queue_pairs + 1) * kWordBytes);
}

/// Words travel between the messages, on the same queues.
verbs::QueueDepths depths_of(const RdmaSettings& settings) {
  const bool sends = settings.operation == RdmaOperation::kSend;
  return {.sends = settings.depth + settings.depth / 2 + 4,
          .receives = sends ? 2 * settings.depth : 1,
          .inline_bytes = settings.inline_bytes,
          .less_inline_will_do = settings.less_inline_will_do};
}

bool fits(const ibv_device_attr& limits, const RdmaSettings& settings) {
  const auto depths = depths_of(settings);
  const auto entries = (std::uint64_t{depths.sends} + depths.receives) * settings.queue_pairs;
  return std::max(depths.sends, depths.receives) <= static_cast<std::uint32_t>(limits.max_qp_wr) &&
         entries <= static_cast<std::uint64_t>(limits.max_cqe);
}

/// The deepest queues that fit; 0 where none do.
std::uint32_t deepest(const ibv_device_attr& limits, RdmaSettings settings) {
  std::uint32_t least = 0;
  for (std::uint32_t most = settings.depth; most > least;) {
    settings.depth = least + (most - least + 1) / 2;
    if (fits(limits, settings)) {
      least = settings.depth;
    } else {
      most = settings.depth - 1;
    }
  }
  return least;
}

}  // namespace

void check_limits(const verbs::Device& device, const RdmaSettings& settings) {
  const auto& name = device.port().name();
  if (settings.bytes > device.largest_message()) {
    throw Failure(ExitCode::kUsage,
                  fmt::format("{}: messages of {} bytes wanted, its limit (max_msg_sz) is {}: use "
                              "smaller --bytes",
                              name, settings.bytes, device.largest_message()));
  }
  const auto& limits = device.limits();
  if (settings.queue_pairs > static_cast<std::uint32_t>(limits.max_qp)) {
    throw Failure(
        ExitCode::kUsage,
        fmt::format("{}: {} queue pairs wanted, its limit (max_qp) is {}: use fewer --qps", name,
                    settings.queue_pairs, limits.max_qp));
  }
  if (!fits(limits, settings)) {
    throw Failure(
        ExitCode::kUsage,
        fmt::format("{}: a depth of {} on {} queue pair{} wanted, its limit (max_qp_wr {}, "
                    "max_cqe {}) is {}: use a smaller --depth or fewer --qps",
                    name, settings.depth, settings.queue_pairs, settings.queue_pairs > 1 ? "s" : "",
                    limits.max_qp_wr, limits.max_cqe, deepest(limits, settings)));
  }
}

std::string_view operation_name(RdmaOperation operation) {
  switch (operation) {
    case RdmaOperation::kWrite:
      return "write";
    case RdmaOperation::kSend:
      return "send";
    case RdmaOperation::kRead:
      return "read";
  }
  return {};
}

void check_post(int code) {
  if (code == 0) return;
  throw Failure(ExitCode::kPeer, fmt::format("a request could not be posted: {}",
                                             std::generic_category().message(code)));
}

std::unique_ptr<RdmaWire> RdmaWire::open(Ranks& ranks, const RankPair& pair, const RdmaLink* link,
                                         const RdmaSettings& settings) {
  const bool is_from = ranks.rank() == pair.from;
  std::unique_ptr<RdmaWire> wire;
  together(ranks, "opening RDMA devices", [&] {
    if (link == nullptr) return;
    with_exit_codes([&] {
      wire = std::make_unique<RdmaWire>(*link, settings, is_from, ranks.describe(ranks.rank()));
    });
  });
  together(ranks, "connecting queue pairs",
           [&] { connect_together(ranks, wire.get(), is_from ? pair.to : pair.from); });
  if (wire) wire->before_ = verbs::settled_counters(wire->device_.port());
  return wire;
}

/// Every rank takes part in the exchange, whatever fails before it.
void RdmaWire::connect_together(Ranks& ranks, RdmaWire* wire, int partner) {
  bool exchanged = false;
  const auto exchange = [&](const std::string& mine) {
    exchanged = true;
    const auto all = ranks.all_gather(mine, "exchanging queue pairs");
    return wire == nullptr ? std::string() : all[static_cast<std::size_t>(partner)];
  };
  try {
    if (wire != nullptr) {
      with_exit_codes([&] {
        try {
          wire->connect(exchange);
        } catch (const Failure&) {
          throw;
        } catch (const std::runtime_error& error) {
          // The two ends do not fit, or RTR finds no way from the one to the other.
          throw Failure(ExitCode::kPeer, error.what());
        }
      });
    }
  } catch (const Failure&) {
    if (!exchanged) exchange("");
    throw;
  }
  if (!exchanged) exchange("");
}

RdmaWire::RdmaWire(const RdmaLink& link, const RdmaSettings& settings, bool is_from,
                   const std::string& owner)
    : settings_(settings),
      is_from_(is_from),
      device_(link.port_of(is_from)),
      buffer_(memory_bytes(settings), settings.memory, settings.cuda) {
  const auto& port = device_.port();
  const auto choice =
      verbs::choose_gid(port.gids, port.netdev, port.ethernet(), link.ipv4_of(is_from));
  if (settings.by_cm && !link.without_ipv4.empty()) {
    throw Failure(ExitCode::kEnvironment,
                  fmt::format("{} has no IPv4 address, which librdmacm needs: sudo ip address add "
                              "ADDRESS/24 dev INTERFACE there, or --connect exchange",
                              link.without_ipv4));
  }
  if (!choice.gid) {
    throw Failure(ExitCode::kEnvironment,
                  fmt::format("{} cannot be used: {}", port.name(), choice.reason));
  }
  endpoint_ = std::make_unique<verbs::Endpoint>(
      device_, *choice.gid, buffer_.bytes(),
      verbs::EndpointSettings{.queue_pairs = settings.queue_pairs,
                              .depths = depths_of(settings),
                              .mtu = settings.mtu,
                              .owner = owner,
                              .ack_timeout = verbs::Endurance::timeout(slow_factor())});
  // What the device can may be less than what was wished for.
  settings_.inline_bytes = endpoint_->queue_pairs().front().inline_bytes();
}

void RdmaWire::connect(const verbs::Exchange& exchange) {
  if (settings_.by_cm) {
    endpoint_->connect_by_cm(exchange, !is_from_, kConnectDeadline * slow_factor());
  } else {
    endpoint_->connect(exchange);
  }
}

std::span<std::byte> RdmaWire::area(std::size_t i) const {
  return buffer_.bytes().subspan(i * padded(settings_.bytes), settings_.bytes);
}

std::size_t RdmaWire::words_at(std::size_t i) const {
  return 2 * padded(settings_.bytes) + i * padded(words() * kWordBytes);
}

ibv_send_wr RdmaWire::message(ibv_sge& at) const {
  const bool reads = settings_.operation == RdmaOperation::kRead;
  const auto local = reads ? incoming() : outgoing();
  const auto remote = endpoint_->peer().memory + (reads ? 0 : padded(settings_.bytes));
  at = {.addr = reinterpret_cast<std::uint64_t>(local.data()),
        .length = static_cast<std::uint32_t>(settings_.bytes),
        .lkey = endpoint_->local_key()};
  ibv_send_wr request{};
  request.sg_list = &at;
  request.num_sge = 1;
  if (settings_.operation == RdmaOperation::kSend) {
    request.opcode = IBV_WR_SEND;
  } else {
    request.opcode = reads ? IBV_WR_RDMA_READ : IBV_WR_RDMA_WRITE;
    request.wr.rdma.remote_addr = remote;
    request.wr.rdma.rkey = endpoint_->peer().remote_key;
  }
  if (!reads && settings_.bytes <= settings_.inline_bytes) request.send_flags = IBV_SEND_INLINE;
  return request;
}

ibv_recv_wr RdmaWire::room(ibv_sge& at) const {
  at = {.addr = reinterpret_cast<std::uint64_t>(incoming().data()),
        .length = static_cast<std::uint32_t>(settings_.bytes),
        .lkey = endpoint_->local_key()};
  ibv_recv_wr request{};
  request.sg_list = &at;
  request.num_sge = 1;
  return request;
}

std::uint64_t RdmaWire::word(std::size_t i) const noexcept {
  auto* const address = buffer_.bytes().data() + words_at(0) + i * kWordBytes;
  return std::atomic_ref(*reinterpret_cast<std::uint64_t*>(address))
      .load(std::memory_order_acquire);
}

int RdmaWire::write_word(std::size_t i, std::uint64_t value, std::size_t queue_pair) noexcept {
  auto* const source = buffer_.bytes().data() + words_at(1) + i * kWordBytes;
  std::atomic_ref(*reinterpret_cast<std::uint64_t*>(source))
      .store(value, std::memory_order_release);
  ibv_sge at{.addr = reinterpret_cast<std::uint64_t>(source),
             .length = kWordBytes,
             .lkey = endpoint_->local_key()};
  ibv_send_wr request{};
  request.wr_id = kOwn;
  request.sg_list = &at;
  request.num_sge = 1;
  request.opcode = IBV_WR_RDMA_WRITE;
  request.send_flags = IBV_SEND_SIGNALED;
  request.wr.rdma.remote_addr = endpoint_->peer().memory + words_at(0) + i * kWordBytes;
  request.wr.rdma.rkey = endpoint_->peer().remote_key;
  ++own_posted_;
  return endpoint_->queue_pairs()[queue_pair].post(request);
}

void RdmaWire::deliver(std::size_t queue_pair) {
  ibv_sge at{};
  auto request = message(at);
  request.wr_id = kOwn;
  request.send_flags |= IBV_SEND_SIGNALED;
  ++own_posted_;
  check_post(endpoint_->queue_pairs()[queue_pair].post(request));
  await_own();
}

void RdmaWire::signal(std::size_t queue_pair) {
  check_post(write_word(settings_.queue_pairs, ++signals_sent_, queue_pair));
  await_own();
}

void RdmaWire::await_own() {
  poll_until(taker_, [&] { return own_posted_ == 0; });
}

void RdmaWire::await_signal() {
  ++signals_seen_;
  poll_until(taker_, [&] { return word(settings_.queue_pairs) >= signals_seen_; });
}

/// An empty write changes nothing there. Its completion fails where the path is cut or the other
/// end hung up, as that of any write would.
void RdmaWire::ask() {
  if (own_posted_ > 0) return;  // that one will tell
  ibv_send_wr request{};
  request.wr_id = kOwn;
  request.opcode = IBV_WR_RDMA_WRITE;
  request.send_flags = IBV_SEND_SIGNALED;
  request.wr.rdma.remote_addr = endpoint_->peer().memory;
  request.wr.rdma.rkey = endpoint_->peer().remote_key;
  // Where nothing can be posted, what is on its way or the deadline tells.
  if (endpoint_->queue_pairs().front().post(request) == 0) ++own_posted_;
}

void RdmaWire::fail(const ibv_wc& completion) const {
  throw Failure(ExitCode::kPeer,
                fmt::format("{}: {}", device_.port().name(), verbs::explain(completion)));
}

void RdmaWire::fail_poll() const {
  throw Failure(ExitCode::kEnvironment,
                fmt::format("{}: ibv_poll_cq failed: the device is gone", device_.port().name()));
}

void RdmaWire::give_up() const {
  throw Failure(ExitCode::kTimeout,
                fmt::format("{}: no completion and no message for {:.0f} s", device_.port().name(),
                            kWireDeadline * slow_factor()));
}

RdmaWire::Patience::Patience(RdmaWire& wire) : wire_(wire) {}

void RdmaWire::Patience::look() {
  const double now = now_s();
  if (idle_ == kSpins) since_s_ = asked_s_ = now;
  if (now - since_s_ > kWireDeadline * slow_factor()) wire_.give_up();
  if (now - asked_s_ < kAskEvery * slow_factor()) return;
  asked_s_ = now;
  wire_.ask();
}

std::string RdmaWire::evidence() const {
  const auto& port = device_.port();
  const auto grown = verbs::growth(before_, verbs::settled_counters(port));
  Json counters = Json::object();
  for (const auto& [name, value] : grown) counters[name] = value;
  return Json{{"port", port.name()},
              {"path_mtu", endpoint_->path_mtu()},
              {"gid", endpoint_->gid().index},
              {"growth", counters},
              {"tells_losses", verbs::tells_what_was_sent_again(before_)}}
      .dump();
}

}  // namespace wiretax::bench
