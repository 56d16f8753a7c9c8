#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wiretax::verbs {

enum class GidType { kUnknown, kInfiniBand, kRoceV1, kRoceV2 };

/// "RoCE v2" and so on.
std::string_view gid_type_name(GidType type);

/// One entry of a port's table of addresses. Its index drifts as addresses come and go, so it is
/// chosen by content, anew each time.
struct Gid {
  int index = 0;
  std::array<std::uint8_t, 16> raw{};
  GidType type = GidType::kUnknown;
  std::string netdev;

  /// The IPv4 address that it maps (::ffff:a.b.c.d), host byte order.
  [[nodiscard]] std::optional<std::uint32_t> ipv4() const;
  [[nodiscard]] bool link_local() const;  // fe80::/10
  [[nodiscard]] std::string text() const;
};

/// As sysfs writes it: eight groups of four hexadecimal digits. Nothing for anything else.
std::optional<std::array<std::uint8_t, 16>> parse_gid(std::string_view text);

/// "a.b.c.d"
std::string format_ipv4(std::uint32_t address);

struct GidChoice {
  std::optional<Gid> gid;
  std::string reason;  // why none can be used, and what to type
  std::string doubt;   // what is not as it should be with the chosen one
};

/// The IPv4 address that a GID should map: this one, host byte order, rather than another; any; or
/// none, since the other end has none.
using WantedIpv4 = std::optional<std::uint32_t>;
inline constexpr std::uint32_t kAnyIpv4 = 0;

/// On Ethernet: RoCE v2 that maps an IPv4 address, on `netdev` rather than on another; RoCE v2 with
/// an IPv6 address, link-local last, where there is no such thing or none is wanted. On InfiniBand:
/// the first.
GidChoice choose_gid(const std::vector<Gid>& gids, std::string_view netdev, bool ethernet,
                     WantedIpv4 ipv4 = kAnyIpv4);

}  // namespace wiretax::verbs
