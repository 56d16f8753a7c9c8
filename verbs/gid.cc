#include "verbs/gid.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace wiretax::verbs {
namespace {

constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/// The larger the better; 0 cannot be used.
int rank_of(const Gid& gid, std::string_view netdev, WantedIpv4 ipv4) {
  if (gid.type != GidType::kRoceV2 || (gid.ipv4() && !ipv4)) return 0;
  const int kind = gid.ipv4() ? (gid.ipv4() == ipv4 ? 4 : 3) : gid.link_local() ? 1 : 2;
  return 2 * kind + (gid.netdev == netdev ? 1 : 0);
}

}  // namespace

std::string_view gid_type_name(GidType type) {
  switch (type) {
    case GidType::kInfiniBand:
      return "InfiniBand";
    case GidType::kRoceV1:
      return "RoCE v1";
    case GidType::kRoceV2:
      return "RoCE v2";
    case GidType::kUnknown:
      break;
  }
  return "unknown";
}

std::optional<std::uint32_t> Gid::ipv4() const {
  if (!std::equal(kMapped.begin(), kMapped.end(), raw.begin())) return std::nullopt;
  std::uint32_t address = 0;
  std::memcpy(&address, raw.data() + kMapped.size(), sizeof address);
  return ntohl(address);
}

bool Gid::link_local() const { return raw[0] == 0xfe && (raw[1] & 0xc0) == 0x80; }

std::string Gid::text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  return inet_ntop(AF_INET6, raw.data(), text.data(), text.size());
}

std::optional<std::array<std::uint8_t, 16>> parse_gid(std::string_view text) {
  in6_addr address{};
  if (inet_pton(AF_INET6, std::string(text).c_str(), &address) != 1) return std::nullopt;
  std::array<std::uint8_t, 16> raw{};
  std::memcpy(raw.data(), &address, raw.size());
  return raw;
}

std::string format_ipv4(std::uint32_t address) {
  const in_addr raw{htonl(address)};
  std::array<char, INET_ADDRSTRLEN> text{};
  return inet_ntop(AF_INET, &raw, text.data(), text.size());
}

GidChoice choose_gid(const std::vector<Gid>& gids, std::string_view netdev, bool ethernet,
                     WantedIpv4 ipv4) {
  if (gids.empty()) {
    return {{},
            fmt::format("its table of GIDs is empty: sudo ip link set {0} up, and sudo ip address "
                        "add ADDRESS/24 dev {0}",
                        netdev.empty() ? "INTERFACE" : netdev),
            {}};
  }
  if (!ethernet) return {gids.front(), {}, {}};
  const auto best = std::ranges::max_element(
      gids, {}, [&](const Gid& gid) { return rank_of(gid, netdev, ipv4); });
  if (rank_of(*best, netdev, ipv4) == 0) {
    if (!ipv4) {
      return {{},
              "the other end has no IPv4 address, and it has no GID of RoCE v2 but of them: give "
              "the other end one in its subnet",
              {}};
    }
    return {{},
            fmt::format("it has no GID of RoCE v2: sudo ip address add ADDRESS/24 dev {}",
                        netdev.empty() ? "INTERFACE" : netdev),
            {}};
  }
  GidChoice choice{*best, {}, {}};
  if (!best->ipv4()) {
    choice.doubt = fmt::format(
        "no GID of RoCE v2 maps an IPv4 address: sudo ip address add ADDRESS/24 dev {}", netdev);
  } else if (best->netdev != netdev) {
    choice.doubt = fmt::format("its IPv4 GID belongs to {}, not to {}", best->netdev, netdev);
  }
  return choice;
}

}  // namespace wiretax::verbs
