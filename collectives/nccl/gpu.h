#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "collectives/backend.h"
#include "collectives/nccl/table.h"
#include "collectives/nccl/watchdog.h"

namespace wiretax::collectives {

/// How many GPUs the driver sees. Throws std::runtime_error.
int gpu_count(const GpuTable& table);

/// What can be known of a GPU without using it.
struct GpuIdentity {
  std::string name;         // "NVIDIA GB10"
  std::string uuid;         // of the GPU, or of the part of one (MIG), in hexadecimal
  bool integrated = false;  // its memory is the host's, as on GB10
  std::string driver;       // what CUDA the driver supports: "13.0"
};
/// Throws std::runtime_error.
GpuIdentity identify_gpu(const GpuTable& table, int ordinal);

/// One GPU with one stream, on which everything happens in order, as on an engine's. All functions
/// throw std::runtime_error with CUDA's words, and PeerLost where the watchdog has struck.
class Gpu : public Queue {
 public:
  /// Makes the GPU's primary context this thread's. So long nothing may arrive.
  Gpu(std::shared_ptr<const GpuTable> table, int ordinal, double patience_s = 6);
  ~Gpu() override;
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;

  [[nodiscard]] const GpuTable& table() const { return *table_; }
  [[nodiscard]] void* stream() const { return stream_; }
  [[nodiscard]] Watchdog& watchdog() { return watchdog_; }
  /// An operation of so many bytes is enqueued next. Throws where the watchdog has struck.
  void expect(double bytes);
  /// What another thread needs that may outlive this: the functions, and what makes the GPU its
  /// own.
  [[nodiscard]] std::shared_ptr<const GpuTable> shared_table() const { return table_; }
  [[nodiscard]] void* context() const { return context_; }

  /// Memory of the GPU, freed with the last owner.
  std::shared_ptr<std::byte> allocate(std::size_t bytes);
  void set(std::byte* memory, std::uint8_t value, std::size_t bytes);
  void to_device(std::byte* target, const void* source, std::size_t bytes);
  void to_host(void* target, const std::byte* source, std::size_t bytes);

  void await() override;
  std::unique_ptr<Recording> record(const std::function<void()>& work) override;
  void mark(std::size_t number) override;
  [[nodiscard]] double between(std::size_t begin, std::size_t end) override;
  void pause(double seconds) override;
  [[nodiscard]] double pause_bytes(double seconds) override;

 private:
  class Graph;
  struct Reader;  // the kernel that reads memory

  void check(int result, const char* call) const;
  [[nodiscard]] int attribute(int number) const;
  Reader& reader();
  void read(std::uint64_t vectors);

  std::shared_ptr<const GpuTable> table_;
  int device_ = 0;
  void* context_ = nullptr;
  void* stream_ = nullptr;
  bool recording_ = false;
  double recorded_bytes_ = 0;
  Watchdog watchdog_;
  std::map<std::size_t, void*> events_;
  std::unique_ptr<Reader> reader_;
};

}  // namespace wiretax::collectives
