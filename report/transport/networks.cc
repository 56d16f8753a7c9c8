#include "report/transport/networks.h"

#include <algorithm>
#include <array>
#include <span>

namespace wiretax {
namespace {

/// "verbs;ofi_rxm" is verbs: a utility stands behind the semicolon.
bool is_one_of(std::string_view provider, std::span<const std::string_view> names) {
  const auto core = provider.substr(0, provider.find_first_of(";-"));
  return std::ranges::find(names, core) != names.end();
}

constexpr std::array<std::string_view, 3> kRdmaProviders = {"efa", "verbs", "cxi"};
constexpr std::array<std::string_view, 3> kSocketProviders = {"tcp", "sockets", "udp"};

}  // namespace

Carrier carrier_of(std::string_view network, std::string_view provider) {
  if (network == "IB" || network.starts_with("IBext")) return Carrier::kRdma;
  if (network == "Socket") return Carrier::kSocket;
  if (is_one_of(provider, kRdmaProviders)) return Carrier::kRdma;
  if (is_one_of(provider, kSocketProviders)) return Carrier::kSocket;
  return Carrier::kUnknown;
}

}  // namespace wiretax
