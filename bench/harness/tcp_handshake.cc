#include "bench/harness/tcp_handshake.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "bench/harness/clock.h"
#include "bench/harness/host.h"

namespace wiretax::bench {
namespace {

constexpr double kHandshakeDeadline = 5;

sockaddr_in socket_address(std::uint32_t address, std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  result.sin_addr.s_addr = htonl(address);
  return result;
}

Descriptor new_socket(int flags = 0) {
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  check_call(socket.number(), "socket");
  return socket;
}

bool equal_in_constant_time(const Token& a, const Token& b) {
  std::byte difference{0};
  for (std::size_t i = 0; i < a.size(); ++i) difference |= a[i] ^ b[i];
  return difference == std::byte{0};
}

}  // namespace

// Not blocking: poll may have woken for a visitor's hello, with nobody new to accept.
Listener::Listener(std::uint32_t address, std::size_t streams)
    : socket_(new_socket(SOCK_NONBLOCK)) {
  auto bound = socket_address(address, 0);
  if (bind(socket_.number(), reinterpret_cast<const sockaddr*>(&bound), sizeof bound) != 0) {
    throw system_failure(ExitCode::kEnvironment, "bind to " + format_address(address), errno);
  }
  check_call(listen(socket_.number(), static_cast<int>(streams)), "listen");
  socklen_t length = sizeof bound;
  check_call(getsockname(socket_.number(), reinterpret_cast<sockaddr*>(&bound), &length),
             "getsockname");
  door_.address = address;
  door_.port = ntohs(bound.sin_port);
  const auto random = getrandom(door_.token.data(), door_.token.size(), 0);
  check_call(random == static_cast<ssize_t>(door_.token.size()) ? 0 : -1, "getrandom");
}

std::vector<Descriptor> Listener::accept_streams(std::size_t count) {
  std::vector<Descriptor> streams(count);
  std::size_t arrived = 0;
  const double deadline_s = now_s() + kHandshakeDeadline * slow_factor();
  while (arrived < count) {
    wait_for_traffic(deadline_s, arrived, count);
    greet_newcomer();
    for (auto& visitor : visitors_) {
      const auto stream = read_hello(visitor);
      if (!stream || *stream >= count || streams[*stream].number() >= 0) continue;
      streams[*stream] = std::move(visitor.socket);
      ++arrived;
    }
    std::erase_if(visitors_, [](const Visitor& v) { return v.socket.number() < 0; });
  }
  return streams;
}

void Listener::wait_for_traffic(double deadline_s, std::size_t arrived, std::size_t count) {
  std::vector<pollfd> polled = {{socket_.number(), POLLIN, 0}};
  for (const auto& visitor : visitors_) polled.push_back({visitor.socket.number(), POLLIN, 0});
  const double left_s = deadline_s - now_s();
  if (left_s > 0 && poll(polled.data(), polled.size(), static_cast<int>(left_s * 1e3) + 1) > 0)
    return;
  throw Failure(
      ExitCode::kPeer,
      fmt::format("{} of {} connections reached {} within {:.0f} s; a firewall, or no route "
                  "between the hosts",
                  arrived, count, format_address(door_.address),
                  kHandshakeDeadline * slow_factor()));
}

void Listener::greet_newcomer() {
  constexpr std::size_t kMostVisitors = 256;
  Descriptor newcomer(accept4(socket_.number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (newcomer.number() >= 0 && visitors_.size() < kMostVisitors) {
    visitors_.push_back({.socket = std::move(newcomer)});
  }
}

/// The stream's number once a visitor has shown the token; a stranger is shown out.
std::optional<std::size_t> Listener::read_hello(Visitor& visitor) const {
  const auto got = recv(visitor.socket.number(), visitor.received.data() + visitor.length,
                        visitor.received.size() - visitor.length, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
  if (got > 0) visitor.length += static_cast<std::size_t>(got);
  if (got > 0 && visitor.length < visitor.received.size()) return std::nullopt;
  Hello hello;
  std::memcpy(&hello, visitor.received.data(), sizeof hello);
  if (got > 0 && equal_in_constant_time(hello.token, door_.token)) return hello.stream;
  visitor.socket = Descriptor();
  return std::nullopt;
}

Descriptor connect_stream(std::uint32_t own_address, const Door& door, std::uint32_t stream) {
  Descriptor socket = new_socket();
  timeval patience{};
  patience.tv_sec = static_cast<time_t>(kHandshakeDeadline * slow_factor());
  check_call(setsockopt(socket.number(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience),
             "setsockopt");
  const auto own = socket_address(own_address, 0);
  if (bind(socket.number(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) {
    throw system_failure(ExitCode::kEnvironment, "bind to " + format_address(own_address), errno);
  }
  const auto target = socket_address(door.address, door.port);
  if (connect(socket.number(), reinterpret_cast<const sockaddr*>(&target), sizeof target) != 0) {
    // A connect that outlasts SO_SNDTIMEO says EINPROGRESS (socket(7)).
    throw system_failure(ExitCode::kPeer,
                         fmt::format("connect from {} to {}", format_address(own_address),
                                     format_address(door.address)),
                         errno == EINPROGRESS ? ETIMEDOUT : errno);
  }
  Hello hello;
  hello.token = door.token;
  hello.stream = stream;
  send_all(socket, std::as_bytes(std::span(&hello, 1)), Waiting::kBlocking);
  return socket;
}

}  // namespace wiretax::bench
