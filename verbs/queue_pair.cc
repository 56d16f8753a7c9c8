#include "verbs/queue_pair.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <random>
#include <stdexcept>

#include "verbs/check.h"

namespace wiretax::verbs {
namespace {

using Json = nlohmann::json;

constexpr std::uint8_t kReceiverWait = 12;  // 0.64 ms
constexpr std::uint8_t kHops = 64;

std::uint32_t random_packet_number() {
  constexpr std::uint32_t k24Bits = 0xffffff;
  std::random_device source;
  return source() & k24Bits;
}

void check_limit(const Device& device, std::uint64_t wanted, int limit, const char* what,
                 const char* name, const char* option) {
  if (wanted <= static_cast<std::uint64_t>(limit)) return;
  throw std::invalid_argument(fmt::format("{}: {} {} wanted, its limit ({}) is {}: {}",
                                          device.port().device, wanted, what, name, limit, option));
}

/// No call tells how much a device takes inline, so the limit is searched for. With the most that
/// works, which `attributes` tells then; nothing where none does.
QueuePairHandle create_with_less_inline(const Device& device, ibv_qp_init_attr& attributes) {
  const auto wanted = attributes;
  QueuePairHandle best;
  std::uint32_t works = 0;
  for (std::uint32_t refused = wanted.cap.max_inline_data; !best || refused - works > 1;) {
    auto tried = wanted;
    tried.cap.max_inline_data = best ? works + (refused - works) / 2 : 0;
    QueuePairHandle created(ibv_create_qp(device.protection_domain(), &tried));
    if (!created && !best) return best;
    if (!created) {
      refused = tried.cap.max_inline_data;
      continue;
    }
    works = tried.cap.max_inline_data;  // which may be more than was asked for
    best = std::move(created);
    attributes = tried;
    if (works >= refused) break;
  }
  return best;
}

}  // namespace

std::uint8_t outstanding_reads(const Device& device) {
  constexpr int kMost = 16;
  return static_cast<std::uint8_t>(std::clamp(device.limits().max_qp_rd_atom, 1, kMost));
}

std::string encode(const EndAddress& address) {
  Json queue_pairs = Json::array();
  for (const auto& pair : address.queue_pairs) {
    queue_pairs.push_back({pair.number, pair.first_packet});
  }
  return Json{{"port", address.port},
              {"netdev", address.netdev},
              {"link_layer", address.link_layer},
              {"gid_type", static_cast<int>(address.gid_type)},
              {"gid", address.gid},
              {"lid", address.lid},
              {"mtu", address.mtu},
              {"memory", address.memory},
              {"remote_key", address.remote_key},
              {"queue_pairs", queue_pairs}}
      .dump();
}

EndAddress decode(const std::string& text) {
  try {
    const auto json = Json::parse(text);
    EndAddress address;
    address.port = json.at("port");
    address.netdev = json.at("netdev");
    address.link_layer = json.at("link_layer");
    address.gid_type = static_cast<GidType>(json.at("gid_type").get<int>());
    address.gid = json.at("gid");
    address.lid = json.at("lid");
    address.mtu = json.at("mtu");
    address.memory = json.at("memory");
    address.remote_key = json.at("remote_key");
    for (const auto& pair : json.at("queue_pairs")) {
      address.queue_pairs.push_back({pair.at(0), pair.at(1)});
    }
    return address;
  } catch (const Json::exception&) {
    throw std::runtime_error("the other end's address is not one of wiretax's");
  }
}

std::string mismatch(const EndAddress& mine, const EndAddress& theirs) {
  if (mine.link_layer != theirs.link_layer) {
    return fmt::format("{} is {}, {} is {}: choose ports of one kind with --device", mine.port,
                       mine.link_layer, theirs.port, theirs.link_layer);
  }
  if (mine.gid_type != theirs.gid_type) {
    return fmt::format("{} has a GID of {}, {} one of {}: give both an IPv4 address in one subnet",
                       mine.port, gid_type_name(mine.gid_type), theirs.port,
                       gid_type_name(theirs.gid_type));
  }
  return {};
}

std::uint8_t Endurance::timeout(double factor) {
  constexpr double kMost = 6;
  return static_cast<std::uint8_t>(
      kTimeout + std::clamp(std::ceil(std::log2(std::max(factor, 1.0))), 0.0, kMost));
}

QueuePair::QueuePair(const Device& device, ibv_cq* completions, const QueueDepths& depths)
    : first_packet_(random_packet_number()) {
  const auto& limits = device.limits();
  check_limit(device, depths.sends, limits.max_qp_wr, "requests in a queue", "max_qp_wr",
              "use a smaller --depth");
  check_limit(device, depths.receives, limits.max_qp_wr, "receives in a queue", "max_qp_wr",
              "use a smaller --depth");
  ibv_qp_init_attr attributes{};
  attributes.send_cq = completions;
  attributes.recv_cq = completions;
  attributes.cap.max_send_wr = depths.sends;
  attributes.cap.max_recv_wr = depths.receives;
  attributes.cap.max_send_sge = 1;
  attributes.cap.max_recv_sge = 1;
  attributes.cap.max_inline_data = depths.inline_bytes;
  attributes.qp_type = IBV_QPT_RC;
  handle_.reset(ibv_create_qp(device.protection_domain(), &attributes));
  if (!handle_ && depths.inline_bytes > 0) {
    const int code = errno;
    handle_ = create_with_less_inline(device, attributes);
    if (handle_ && !depths.less_inline_will_do) {
      throw std::invalid_argument(fmt::format(
          "{}: {} bytes inline wanted, its limit with such queues is {}: use a smaller --inline",
          device.port().device, depths.inline_bytes, attributes.cap.max_inline_data));
    }
    errno = code;
  }
  check_pointer(handle_.get(), fmt::format("ibv_create_qp on {} with {} sends, {} receives",
                                           device.port().device, depths.sends, depths.receives));
  inline_bytes_ = std::min(attributes.cap.max_inline_data, depths.inline_bytes);
}

void QueuePair::modify(ibv_qp_attr& attributes, int mask, const std::string& to) {
  check_number(ibv_modify_qp(handle_.get(), &attributes, mask),
               fmt::format("ibv_modify_qp to {}", to));
}

void QueuePair::connect(const Device& device, const Gid& gid, const EndAddress& theirs,
                        std::size_t i, int path_mtu, std::uint8_t ack_timeout) {
  ibv_qp_attr init{};
  init.qp_state = IBV_QPS_INIT;
  init.port_num = static_cast<std::uint8_t>(device.port().number);
  init.qp_access_flags = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ;
  modify(init, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS, "INIT");

  const auto reads = outstanding_reads(device);
  const auto& pair = theirs.queue_pairs.at(i);
  ibv_qp_attr receive{};
  receive.qp_state = IBV_QPS_RTR;
  receive.path_mtu = mtu_code(path_mtu);
  receive.dest_qp_num = pair.number;
  receive.rq_psn = pair.first_packet;
  receive.max_dest_rd_atomic = reads;
  receive.min_rnr_timer = kReceiverWait;
  receive.ah_attr.port_num = init.port_num;
  receive.ah_attr.dlid = theirs.lid;
  receive.ah_attr.is_global = device.port().ethernet() ? 1 : 0;
  std::memcpy(receive.ah_attr.grh.dgid.raw, theirs.gid.data(), theirs.gid.size());
  receive.ah_attr.grh.sgid_index = static_cast<std::uint8_t>(gid.index);
  receive.ah_attr.grh.hop_limit = kHops;
  const auto path =
      fmt::format("RTR on {} (GID {}) to {} (GID {})", device.port().name(), gid.text(),
                  theirs.port, Gid{.raw = theirs.gid, .netdev = {}}.text());
  modify(receive,
         IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
             IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER,
         path);

  ibv_qp_attr send{};
  send.qp_state = IBV_QPS_RTS;
  send.timeout = ack_timeout;
  send.retry_cnt = Endurance::kRetries;
  send.rnr_retry = Endurance::kReceiverRetries;
  send.sq_psn = first_packet_;
  send.max_rd_atomic = reads;
  modify(send,
         IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN |
             IBV_QP_MAX_QP_RD_ATOMIC,
         "RTS");
}

void QueuePair::hang_up() noexcept {
  ibv_qp_attr error{};
  error.qp_state = IBV_QPS_ERR;
  ibv_modify_qp(handle_.get(), &error, IBV_QP_STATE);
}

}  // namespace wiretax::verbs
