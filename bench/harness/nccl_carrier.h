#pragma once

#include <memory>

#include "bench/harness/carrier.h"
#include "bench/harness/nccl_options.h"

namespace wiretax::bench {

/// NCCL on GPUs, with what its log and the counters prove.
std::unique_ptr<Carrier> make_nccl_carrier(const NcclOptions& options);

}  // namespace wiretax::bench
