#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bench/harness/ranks.h"
#include "bench/harness/round_robin.h"

namespace wiretax::bench {

/// An open socket or other file; closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] int number() const { return number_; }

 private:
  int number_ = -1;
};

/// Of a call of the kernel's that returns -1 and sets errno: throws Failure(kPeer) with its name.
void check_call(int result, const std::string& call);

/// How a thread waits for the kernel: blocked, or asking again and again.
enum class Waiting { kBlocking, kBusyPoll };

/// What TCP itself counted on a socket, from TCP_INFO (linux/tcp.h).
struct TcpFacts {
  std::uint64_t retransmits = 0;
  std::uint64_t bytes_sent = 0;  // payload, retransmitted bytes included
  double smoothed_rtt_s = 0;
};
/// Nothing where the kernel, or what emulates it, does not tell all of them.
std::optional<TcpFacts> tcp_facts(const Descriptor& socket);

/// What new connections of this host use: "cubic", "bbr", ...
std::string congestion_control();

/// Two ranks, and the addresses that their connections are between.
struct StreamPair : RankPair {
  std::uint32_t from_address = 0;  // host byte order
  std::uint32_t to_address = 0;
};

/// Collective over all ranks, each with the pair it belongs to: opens `count` connections from
/// pair.from to pair.to, bound to the pair's addresses. The listening socket lives only meanwhile
/// and takes only peers that show the token, which travels over MPI. Throws Failure.
std::vector<Descriptor> open_streams(Ranks& ranks, const StreamPair& pair, std::size_t count);

/// Whole buffers, with the deadline of 10 s without progress. Throw Failure: kPeer where the peer
/// is gone, kTimeout where it is silent.
void send_all(const Descriptor& socket, std::span<const std::byte> data, Waiting waiting);
void receive_all(const Descriptor& socket, std::span<std::byte> data, Waiting waiting);

/// What has arrived, at most the buffer; waits until something has, or until `wake_descriptor` is
/// readable (then 0). Throws as above.
std::size_t receive_some(const Descriptor& socket, std::span<std::byte> buffer, Waiting waiting,
                         int wake_descriptor);

/// Makes both ends' waiting calls return, with an error.
void hang_up(std::span<const Descriptor> sockets) noexcept;

}  // namespace wiretax::bench
