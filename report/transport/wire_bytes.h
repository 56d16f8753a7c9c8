#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace wiretax {

/// The least that all ranks together send in one operation of that size (nccl-tests' doc/
/// PERFORMANCE.md): no algorithm moves less. A message that is sent or passed on counts once, in a
/// ring once for every rank.
double least_wire_bytes(std::string_view operation, double bytes, double ranks, bool ring);

/// What is odd about `seen` bytes on the network that should have carried `least`, if anything:
/// fewer, so that something else carried them; or more than 2.5 times as many, twice being what
/// NCCL's protocol LL takes (4 bytes of flags for 4 of data), so that others sent there, too.
/// Neither can be told of messages so small that headers are most of them.
std::optional<std::string> odd_wire_bytes(double least, double seen, double bytes);

}  // namespace wiretax
