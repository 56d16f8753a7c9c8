#pragma once

#include "collectives/buffer_task.h"

namespace wiretax::collectives {

/// A task on host memory.
class HostTask : public BufferTask {
 public:
  using BufferTask::BufferTask;

 protected:
  void set(std::byte* memory, std::uint8_t value, std::size_t bytes) override;
  void fill(std::byte* input, std::uint64_t call) override;
  void verify(const std::byte* output, std::uint64_t call) override;
};

}  // namespace wiretax::collectives
