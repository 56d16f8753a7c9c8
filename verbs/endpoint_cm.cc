// Connecting by librdmacm. It resolves addresses and paths and carries the handshake; the queue
// pairs stay ours, so rdma_init_qp_attr(3) only tells the attributes of each step.

#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <random>
#include <stdexcept>

#include "verbs/check.h"
#include "verbs/endpoint.h"

namespace wiretax::verbs {
namespace {

using Json = nlohmann::json;

std::array<std::uint8_t, 16> random_token() {
  std::random_device source;
  std::array<std::uint8_t, 16> token{};
  std::ranges::generate(token, [&] { return static_cast<std::uint8_t>(source()); });
  return token;
}

sockaddr_in socket_address(std::uint32_t address, std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_addr.s_addr = htonl(address);
  result.sin_port = htons(port);
  return result;
}

}  // namespace

/// The handshakes of all queue pairs of one endpoint, one after the other.
class CmHandshake {
 public:
  CmHandshake(Endpoint& endpoint, double patience_s)
      : end_(endpoint), patience_ms_(static_cast<int>(patience_s * 1000)) {
    end_.events_.reset(check_pointer(rdma_create_event_channel(), "rdma_create_event_channel"));
    const auto address = end_.gid_.ipv4();
    if (!address) {
      throw std::runtime_error(
          fmt::format("{} has no IPv4 address, which librdmacm needs: sudo ip address add "
                      "ADDRESS/24 dev {}, or --connect exchange",
                      end_.device_.port().name(), end_.device_.port().netdev));
    }
    own_address_ = *address;
  }

  void listen(const Exchange& exchange) {
    auto listener = new_identifier();
    auto address = socket_address(own_address_, 0);
    check_errno(rdma_bind_addr(listener.get(), reinterpret_cast<sockaddr*>(&address)),
                fmt::format("rdma_bind_addr to {}", format_ipv4(own_address_)));
    check_device(listener.get());
    const auto count = end_.queue_pairs_.size();
    check_errno(rdma_listen(listener.get(), static_cast<int>(count)), "rdma_listen");
    const auto token = random_token();
    agree(exchange, {{"port", ntohs(rdma_get_src_port(listener.get()))}, {"token", token}});
    for (std::size_t established = 0; established < count;) {
      const auto event = next_event();
      if (event.type == RDMA_CM_EVENT_CONNECT_REQUEST) {
        accept(ConnectionId(event.id), event.hello, token);
      } else if (event.type == RDMA_CM_EVENT_ESTABLISHED) {
        ++established;
      } else {
        refuse(event, RDMA_CM_EVENT_ESTABLISHED);
      }
    }
  }

  void call(const Exchange& exchange) {
    const auto door = agree(exchange, Json::object());
    for (std::size_t i = 0; i < end_.queue_pairs_.size(); ++i) {
      connect(i, door.at("port").get<std::uint16_t>(), door.at("token"));
    }
  }

 private:
  [[nodiscard]] ConnectionId new_identifier() const {
    rdma_cm_id* id = nullptr;
    check_errno(rdma_create_id(end_.events_.get(), &id, nullptr, RDMA_PS_TCP), "rdma_create_id");
    return ConnectionId(id);
  }

  /// The other end's door; both ends' addresses travel along.
  Json agree(const Exchange& exchange, Json mine) const {
    mine["end"] = encode(end_.address());
    try {
      auto theirs = Json::parse(exchange(mine.dump()));
      end_.agree_on_path(decode(theirs.at("end")));
      return theirs;
    } catch (const Json::exception&) {
      throw std::runtime_error("the other end's address is not one of wiretax's");
    }
  }

  /// Routing decides which device an address belongs to.
  void check_device(const rdma_cm_id* id) const {
    const auto& wanted = end_.device_.port().device;
    const std::string found =
        id->verbs == nullptr ? "none" : ibv_get_device_name(id->verbs->device);
    if (found == wanted) return;
    throw std::runtime_error(fmt::format("librdmacm takes {} for {}, not {}: look at ip route get",
                                         found, format_ipv4(own_address_), wanted));
  }

  /// What the connecting end shows in the request: fewer than the 56 bytes that fit.
  struct Hello {
    std::array<std::uint8_t, 16> token{};
    std::uint32_t queue_pair = 0;
  };

  /// What an event says. It is acknowledged at once: an identifier is not released before its
  /// events are.
  struct News {
    rdma_cm_event_type type;
    int status = 0;
    rdma_cm_id* id = nullptr;
    Hello hello;
  };

  [[nodiscard]] News next_event() const {
    pollfd ready{end_.events_->fd, POLLIN, 0};
    const int count = poll(&ready, 1, patience_ms_);
    if (count < 0) throw_error(errno, "poll");
    if (count == 0) throw_error(ETIMEDOUT, "waiting for the other end's part in the connection");
    rdma_cm_event* event = nullptr;
    check_errno(rdma_get_cm_event(end_.events_.get(), &event), "rdma_get_cm_event");
    News news{event->event, event->status, event->id, {}};
    const auto& shown = event->param.conn;
    if (news.type == RDMA_CM_EVENT_CONNECT_REQUEST && shown.private_data != nullptr &&
        shown.private_data_len >= sizeof news.hello) {
      std::memcpy(&news.hello, shown.private_data, sizeof news.hello);
    }
    check_errno(rdma_ack_cm_event(event), "rdma_ack_cm_event");
    return news;
  }

  [[noreturn]] static void refuse(const News& news, rdma_cm_event_type wanted) {
    const int code = news.status < 0 ? -news.status : EPROTO;
    throw_error(code, fmt::format("{} came in place of {}", rdma_event_str(news.type),
                                  rdma_event_str(wanted)));
  }

  void await(rdma_cm_event_type wanted) const {
    const auto news = next_event();
    if (news.type != wanted) refuse(news, wanted);
  }

  void step(rdma_cm_id* id, QueuePair& pair, ibv_qp_state state, const char* name) const {
    ibv_qp_attr attributes{};
    int mask = 0;
    attributes.qp_state = state;
    check_errno(rdma_init_qp_attr(id, &attributes, &mask),
                fmt::format("rdma_init_qp_attr for {}", name));
    if (state == IBV_QPS_INIT) {
      attributes.qp_access_flags |= IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ;
    } else if (state == IBV_QPS_RTR) {
      attributes.path_mtu = mtu_code(end_.path_mtu_);
    } else {
      attributes.timeout = end_.ack_timeout_;
      attributes.retry_cnt = Endurance::kRetries;
      attributes.rnr_retry = Endurance::kReceiverRetries;
    }
    pair.modify(attributes, mask, name);
  }

  [[nodiscard]] rdma_conn_param parameters(const QueuePair& pair) const {
    rdma_conn_param wanted{};
    const auto reads = outstanding_reads(end_.device_);
    wanted.responder_resources = reads;
    wanted.initiator_depth = reads;
    wanted.retry_count = Endurance::kRetries;
    wanted.rnr_retry_count = Endurance::kReceiverRetries;
    wanted.qp_num = pair.number();
    return wanted;
  }

  void connect(std::size_t i, std::uint16_t port, const std::array<std::uint8_t, 16>& token) {
    auto& pair = end_.queue_pairs_[i];
    auto& id = end_.connections_.emplace_back(new_identifier());
    auto own = socket_address(own_address_, 0);
    auto other = socket_address(*Gid{.raw = end_.peer_.gid, .netdev = {}}.ipv4(), port);
    check_errno(rdma_resolve_addr(id.get(), reinterpret_cast<sockaddr*>(&own),
                                  reinterpret_cast<sockaddr*>(&other), patience_ms_),
                "rdma_resolve_addr");
    await(RDMA_CM_EVENT_ADDR_RESOLVED);
    check_device(id.get());
    check_errno(rdma_resolve_route(id.get(), patience_ms_), "rdma_resolve_route");
    await(RDMA_CM_EVENT_ROUTE_RESOLVED);
    step(id.get(), pair, IBV_QPS_INIT, "INIT");
    const Hello hello{token, static_cast<std::uint32_t>(i)};
    auto wanted = parameters(pair);
    wanted.private_data = &hello;
    wanted.private_data_len = sizeof hello;
    check_errno(rdma_connect(id.get(), &wanted), "rdma_connect");
    await(RDMA_CM_EVENT_CONNECT_RESPONSE);
    step(id.get(), pair, IBV_QPS_RTR, "RTR");
    step(id.get(), pair, IBV_QPS_RTS, "RTS");
    check_errno(rdma_establish(id.get()), "rdma_establish");
  }

  /// A stranger is shown out.
  void accept(ConnectionId id, const Hello& hello, const std::array<std::uint8_t, 16>& token) {
    if (hello.token != token || hello.queue_pair >= end_.queue_pairs_.size()) {
      rdma_reject(id.get(), nullptr, 0);
      return;
    }
    auto& pair = end_.queue_pairs_[hello.queue_pair];
    step(id.get(), pair, IBV_QPS_INIT, "INIT");
    step(id.get(), pair, IBV_QPS_RTR, "RTR");
    step(id.get(), pair, IBV_QPS_RTS, "RTS");
    auto wanted = parameters(pair);
    check_errno(rdma_accept(id.get(), &wanted), "rdma_accept");
    end_.connections_.push_back(std::move(id));
  }

  Endpoint& end_;
  int patience_ms_;
  std::uint32_t own_address_ = 0;
};

void Endpoint::connect_by_cm(const Exchange& exchange, bool listens, double patience_s) {
  CmHandshake handshake(*this, patience_s);
  if (listens) {
    handshake.listen(exchange);
  } else {
    handshake.call(exchange);
  }
}

}  // namespace wiretax::verbs
