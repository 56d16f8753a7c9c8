#include "bench/harness/tcp_streams.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "bench/harness/clock.h"
#include "bench/harness/host.h"

namespace wiretax::bench {
namespace {

constexpr double kHandshakeDeadline = 5;
constexpr double kProgressDeadline = 10;
constexpr int kBusyPollMicroseconds = 50;

/// The first bytes on a connection: who opens it proves to belong to this run, and says which it
/// is.
struct Hello {
  std::array<std::byte, 16> token{};
  std::uint32_t stream = 0;
};

sockaddr_in socket_address(std::uint32_t address, std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  result.sin_addr.s_addr = htonl(address);
  return result;
}

void check_call(int result, const std::string& call) {
  if (result < 0) throw system_failure(ExitCode::kPeer, call, errno);
}

void set_option(const Descriptor& socket, int level, int name, int value) {
  check_call(setsockopt(socket.number(), level, name, &value, sizeof value), "setsockopt");
}

void set_timeout(const Descriptor& socket, int name, double seconds) {
  timeval timeout{};
  timeout.tv_sec = static_cast<time_t>(seconds);
  timeout.tv_usec = static_cast<suseconds_t>((seconds - static_cast<double>(timeout.tv_sec)) * 1e6);
  check_call(setsockopt(socket.number(), SOL_SOCKET, name, &timeout, sizeof timeout), "setsockopt");
}

Descriptor new_socket() {
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  check_call(socket.number(), "socket");
  return socket;
}

void prepare_for_measuring(const Descriptor& socket) {
  const int flags = fcntl(socket.number(), F_GETFL);
  check_call(fcntl(socket.number(), F_SETFL, flags & ~O_NONBLOCK), "fcntl");
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  const double progress_s = kProgressDeadline * slow_factor();
  set_timeout(socket, SO_RCVTIMEO, progress_s);
  set_timeout(socket, SO_SNDTIMEO, progress_s);
  // Needs a privilege above the system's default; without it the driver is polled less, no more.
  const int microseconds = kBusyPollMicroseconds;
  setsockopt(socket.number(), SOL_SOCKET, SO_BUSY_POLL, &microseconds, sizeof microseconds);
}

bool equal_in_constant_time(const std::array<std::byte, 16>& a,
                            const std::array<std::byte, 16>& b) {
  std::byte difference{0};
  for (std::size_t i = 0; i < a.size(); ++i) difference |= a[i] ^ b[i];
  return difference == std::byte{0};
}

/// Where to connect and what to show, as it travels over MPI.
struct Door {
  std::uint32_t address = 0;
  std::uint16_t port = 0;
  std::array<std::byte, 16> token{};
};

class Listener {
 public:
  Listener(std::uint32_t address, std::size_t streams) : socket_(new_socket()) {
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

  [[nodiscard]] const Door& door() const { return door_; }

  /// All streams, by their numbers. A connection that stays silent holds up nobody.
  std::vector<Descriptor> accept_streams(std::size_t count) {
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

 private:
  struct Visitor {
    Descriptor socket;
    std::array<std::byte, sizeof(Hello)> received{};
    std::size_t length = 0;
  };

  void wait_for_traffic(double deadline_s, std::size_t arrived, std::size_t count) {
    std::vector<pollfd> polled = {{socket_.number(), POLLIN, 0}};
    for (const auto& visitor : visitors_) polled.push_back({visitor.socket.number(), POLLIN, 0});
    const auto left_ms = static_cast<int>(std::max(0.0, (deadline_s - now_s()) * 1e3));
    if (poll(polled.data(), polled.size(), left_ms) > 0) return;
    throw Failure(ExitCode::kPeer,
                  fmt::format("{} of {} connections reached {} within {:.0f} s; a firewall, or no "
                              "route between the hosts",
                              arrived, count, format_address(door_.address),
                              kHandshakeDeadline * slow_factor()));
  }

  void greet_newcomer() {
    constexpr std::size_t kMostVisitors = 256;
    Descriptor newcomer(accept4(socket_.number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (newcomer.number() >= 0 && visitors_.size() < kMostVisitors) {
      visitors_.push_back({.socket = std::move(newcomer)});
    }
  }

  /// The stream's number once a visitor has shown the token; a stranger is shown out.
  std::optional<std::size_t> read_hello(Visitor& visitor) const {
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

  Descriptor socket_;
  Door door_;
  std::vector<Visitor> visitors_;
};

Descriptor connect_stream(std::uint32_t own_address, const Door& door, std::uint32_t stream) {
  Descriptor socket = new_socket();
  set_timeout(socket, SO_SNDTIMEO, kHandshakeDeadline * slow_factor());
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

[[noreturn]] void peer_failed(const char* call, ssize_t result) {
  if (result == 0) throw Failure(ExitCode::kPeer, "the peer closed the connection");
  if (errno == EAGAIN) {
    throw Failure(ExitCode::kTimeout,
                  fmt::format("{}: no progress for {:.0f} s; the peer hangs or the "
                              "link is cut",
                              call, kProgressDeadline * slow_factor()));
  }
  throw system_failure(ExitCode::kPeer, call, errno);
}

/// Repeats a call that does not block until it does something or the deadline passes.
template <typename Call>
ssize_t insist(Call call, const char* name) {
  constexpr int kCallsPerLook = 4096;
  const double deadline_s = now_s() + kProgressDeadline * slow_factor();
  for (;;) {
    for (int i = 0; i < kCallsPerLook; ++i) {
      const ssize_t result = call();
      if (result > 0) return result;
      if (result == 0 || (errno != EAGAIN && errno != EINTR)) peer_failed(name, result);
    }
    errno = EAGAIN;
    if (now_s() > deadline_s) peer_failed(name, -1);
  }
}

/// One call that blocks, again after a signal.
template <typename Call>
ssize_t once(Call call, const char* name) {
  for (;;) {
    const ssize_t result = call();
    if (result > 0) return result;
    if (result == 0 || errno != EINTR) peer_failed(name, result);
  }
}

void wait_until_readable(int descriptor, int wake_descriptor) {
  std::array<pollfd, 2> polled = {{{descriptor, POLLIN, 0}, {wake_descriptor, POLLIN, 0}}};
  const auto allowed_ms = static_cast<int>(kProgressDeadline * slow_factor() * 1e3);
  const int ready = poll(polled.data(), polled.size(), allowed_ms);
  if (ready == 0) {
    errno = EAGAIN;
    peer_failed("recv", -1);
  }
}

bool is_readable(int descriptor) {
  pollfd polled{descriptor, POLLIN, 0};
  return poll(&polled, 1, 0) > 0;
}

}  // namespace

Descriptor::~Descriptor() {
  if (number_ >= 0) close(number_);
}

Descriptor::Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(number_, other.number_);  // the other closes what was here
  return *this;
}

TcpFacts tcp_facts(const Descriptor& socket) {
  tcp_info info{};
  socklen_t length = sizeof info;
  check_call(getsockopt(socket.number(), IPPROTO_TCP, TCP_INFO, &info, &length), "TCP_INFO");
  return {.retransmits = info.tcpi_total_retrans,
          .bytes_sent = info.tcpi_bytes_sent,
          .smoothed_rtt_s = info.tcpi_rtt * 1e-6};
}

std::string congestion_control() {
  const auto socket = new_socket();
  std::array<char, 32> name{};
  socklen_t length = name.size();
  check_call(getsockopt(socket.number(), IPPROTO_TCP, TCP_CONGESTION, name.data(), &length),
             "TCP_CONGESTION");
  return name.data();
}

std::vector<Descriptor> open_streams(Ranks& ranks, const StreamPair& pair, std::size_t count) {
  std::optional<Listener> listener;
  together(ranks, "listening", [&] {
    if (ranks.rank() == pair.to) listener.emplace(pair.to_address, count);
  });
  const Door own = listener ? listener->door() : Door{};
  const auto doors =
      ranks.all_gather({reinterpret_cast<const char*>(&own), sizeof own}, "exchanging addresses");
  std::vector<Descriptor> streams;
  together(ranks, "connecting", [&] {
    if (listener) streams = listener->accept_streams(count);
    if (ranks.rank() != pair.from) return;
    Door door;
    std::memcpy(&door, doors[static_cast<std::size_t>(pair.to)].data(), sizeof door);
    for (std::uint32_t stream = 0; stream < count; ++stream) {
      streams.push_back(connect_stream(pair.from_address, door, stream));
    }
  });
  for (const auto& stream : streams) prepare_for_measuring(stream);
  return streams;
}

void send_all(const Descriptor& socket, std::span<const std::byte> data, Waiting waiting) {
  while (!data.empty()) {
    const int flags = MSG_NOSIGNAL | (waiting == Waiting::kBusyPoll ? MSG_DONTWAIT : 0);
    const auto call = [&] { return send(socket.number(), data.data(), data.size(), flags); };
    const auto sent = waiting == Waiting::kBusyPoll ? insist(call, "send") : once(call, "send");
    data = data.subspan(static_cast<std::size_t>(sent));
  }
}

void receive_all(const Descriptor& socket, std::span<std::byte> data, Waiting waiting) {
  while (!data.empty()) {
    const int flags = waiting == Waiting::kBusyPoll ? MSG_DONTWAIT : MSG_WAITALL;
    const auto call = [&] { return recv(socket.number(), data.data(), data.size(), flags); };
    const auto got = waiting == Waiting::kBusyPoll ? insist(call, "recv") : once(call, "recv");
    data = data.subspan(static_cast<std::size_t>(got));
  }
}

std::size_t receive_some(const Descriptor& socket, std::span<std::byte> buffer, Waiting waiting,
                         int wake_descriptor) {
  const double deadline_s = now_s() + kProgressDeadline * slow_factor();
  for (;;) {
    const auto got = recv(socket.number(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got > 0) return static_cast<std::size_t>(got);
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) peer_failed("recv", got);
    if (waiting == Waiting::kBlocking) wait_until_readable(socket.number(), wake_descriptor);
    if (is_readable(wake_descriptor)) return 0;
    errno = EAGAIN;
    if (now_s() > deadline_s) peer_failed("recv", -1);
  }
}

void hang_up(std::span<const Descriptor> sockets) noexcept {
  for (const auto& socket : sockets) shutdown(socket.number(), SHUT_RDWR);
}

}  // namespace wiretax::bench
