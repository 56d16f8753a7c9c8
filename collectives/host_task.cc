#include "collectives/host_task.h"

#include <cstring>

namespace wiretax::collectives {

void HostTask::set(std::byte* memory, std::uint8_t value, std::size_t bytes) {
  std::memset(memory, value, bytes);
}

void HostTask::fill(std::byte* input, std::uint64_t call) {
  fill_input(request(), input, rank(), call, ranks());
}

void HostTask::verify(const std::byte* output, std::uint64_t call) {
  verify_output(request(), output, rank(), call, ranks());
}

}  // namespace wiretax::collectives
