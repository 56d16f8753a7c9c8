#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "bench/harness/tcp_streams.h"

namespace wiretax::bench {

using Token = std::array<std::byte, 16>;

/// Where to connect and what to show there, as it travels over MPI.
struct Door {
  std::uint32_t address = 0;  // host byte order
  std::uint16_t port = 0;
  Token token{};
};

/// The first bytes on a connection: who opens it proves to belong to this run, and says which it
/// is.
struct Hello {
  Token token{};
  std::uint32_t stream = 0;
};

/// A listening socket on one address, for one set of streams. Throws Failure.
class Listener {
 public:
  Listener(std::uint32_t address, std::size_t streams);

  [[nodiscard]] const Door& door() const { return door_; }

  /// All streams, by their numbers, within the 5 s of a handshake. Who shows another token is shown
  /// out, and who stays silent holds up nobody.
  std::vector<Descriptor> accept_streams(std::size_t count);

 private:
  struct Visitor {
    Descriptor socket;
    std::array<std::byte, sizeof(Hello)> received{};
    std::size_t length = 0;
  };
  void wait_for_traffic(double deadline_s, std::size_t arrived, std::size_t count);
  void greet_newcomer();
  std::optional<std::size_t> read_hello(Visitor& visitor) const;

  Descriptor socket_;
  Door door_;
  std::vector<Visitor> visitors_;
};

/// Opens stream number `stream` from an address of this host. Throws Failure.
Descriptor connect_stream(std::uint32_t own_address, const Door& door, std::uint32_t stream);

}  // namespace wiretax::bench
