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
#include <cstddef>
#include <cstring>
#include <optional>
#include <utility>

#include "bench/harness/clock.h"
#include "bench/harness/tcp_handshake.h"

namespace wiretax::bench {
namespace {

constexpr double kProgressDeadline = 10;
constexpr int kBusyPollMicroseconds = 50;

void set_option(const Descriptor& socket, int level, int name, int value) {
  check_call(setsockopt(socket.number(), level, name, &value, sizeof value), "setsockopt");
}

void set_timeout(const Descriptor& socket, int name, double seconds) {
  timeval timeout{};
  timeout.tv_sec = static_cast<time_t>(seconds);
  timeout.tv_usec = static_cast<suseconds_t>((seconds - static_cast<double>(timeout.tv_sec)) * 1e6);
  check_call(setsockopt(socket.number(), SOL_SOCKET, name, &timeout, sizeof timeout), "setsockopt");
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

void check_call(int result, const std::string& call) {
  if (result < 0) throw system_failure(ExitCode::kPeer, call, errno);
}

Descriptor::~Descriptor() {
  if (number_ >= 0) close(number_);
}

Descriptor::Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(number_, other.number_);  // the other closes what was here
  return *this;
}

std::optional<TcpFacts> tcp_facts(const Descriptor& socket) {
  tcp_info info{};
  socklen_t length = sizeof info;
  check_call(getsockopt(socket.number(), IPPROTO_TCP, TCP_INFO, &info, &length), "TCP_INFO");
  if (length < offsetof(tcp_info, tcpi_bytes_sent) + sizeof info.tcpi_bytes_sent) return {};
  return TcpFacts{.retransmits = info.tcpi_total_retrans,
                  .bytes_sent = info.tcpi_bytes_sent,
                  .smoothed_rtt_s = info.tcpi_rtt * 1e-6};
}

std::string congestion_control() {
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  check_call(socket.number(), "socket");
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
