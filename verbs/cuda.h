#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace wiretax::verbs {

/// What a program that moves a GPU's data needs of the CUDA driver, which is loaded when it is
/// asked for, so that nothing needs it to be built or run (CUDA Driver API, cuda.h).
class Cuda {
 public:
  /// The driver's first GPU. Throws std::runtime_error that says what is missing.
  explicit Cuda(const std::string& library = "libcuda.so.1");
  ~Cuda();
  Cuda(const Cuda&) = delete;
  Cuda& operator=(const Cuda&) = delete;

  [[nodiscard]] std::string gpu() const;  // "NVIDIA GB10"
  /// A network card can reach the GPU's own memory. GB10's cannot be reached
  /// (https://docs.nvidia.com/dgx/dgx-spark-porting-guide/porting/cuda.html).
  [[nodiscard]] bool gpudirect() const;

  /// Pinned host memory that the GPU sees too, as NCCL stages its messages in without GPUDirect.
  /// Throws std::runtime_error.
  [[nodiscard]] std::byte* allocate_host(std::size_t bytes) const;
  void free_host(std::byte* memory) const noexcept;

 private:
  struct Functions;
  void check(int result, const std::string& call) const;

  std::unique_ptr<Functions> functions_;
  int device_ = 0;
};

}  // namespace wiretax::verbs
