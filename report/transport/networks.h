#pragma once

#include <string_view>

namespace wiretax {

/// What carries a network of NCCL. kUnknown: a plug-in that does not say.
enum class Carrier { kRdma, kSocket, kUnknown };

/// `network` as in "Using network IB"; `provider` as in "NET/OFI Selected provider is efa", or
/// empty.
Carrier carrier_of(std::string_view network, std::string_view provider);

}  // namespace wiretax
