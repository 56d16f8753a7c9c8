#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "verbs/cuda.h"

namespace wiretax::verbs {

enum class Memory { kHost, kHugePages, kCudaHost };

/// "host memory", "huge pages" or "CUDA-pinned host memory".
const char* memory_name(Memory memory);

/// Zeroed host memory of its own pages.
class Buffer {
 public:
  /// `cuda`: for kCudaHost, and kept as long as the memory. Throws std::runtime_error that says
  /// what to do, e.g. how to get huge pages.
  Buffer(std::size_t bytes, Memory memory, const std::shared_ptr<const Cuda>& cuda = nullptr);

  [[nodiscard]] std::span<std::byte> bytes() const { return {data_.get(), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<std::byte, std::function<void(std::byte*)>> data_;
};

}  // namespace wiretax::verbs
