#pragma once

#include <string>
#include <vector>

#include "bench/doctor/evidence.h"

namespace wiretax::doctor {

/// Loads what NCCL and RDMA would load, as it would be loaded here, and tells what came:
/// libibverbs, NCCL with its plug-in, the GPU's driver.
void add_libraries(Evidence& evidence);

/// NVLink of every GPU by NVML (nvml.h: nvmlDeviceGetNvLinkState). Empty without the library;
/// `unseen` gets why it does not tell.
std::vector<GpuLinks> gpu_links(std::vector<std::string>& unseen,
                                const std::string& library = "libnvidia-ml.so.1");

/// The file that a loaded library was mapped from, and its build id.
Library library_of(void* symbol);

}  // namespace wiretax::doctor
