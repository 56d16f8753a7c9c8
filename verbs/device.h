#pragma once

#include <infiniband/verbs.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "verbs/handles.h"
#include "verbs/port.h"

namespace wiretax::verbs {

/// An open device with one of its ports, and the protection domain that all else belongs to.
class Device {
 public:
  /// Throws std::system_error where the device cannot be opened, and std::invalid_argument where
  /// it has no such port.
  explicit Device(const Port& port);

  /// With the active MTU and the GIDs as the driver knows them.
  [[nodiscard]] const Port& port() const { return port_; }
  [[nodiscard]] const ibv_device_attr& limits() const { return limits_; }
  [[nodiscard]] std::uint64_t largest_message() const { return largest_message_; }
  [[nodiscard]] std::uint16_t lid() const { return lid_; }
  [[nodiscard]] ibv_context* context() const { return context_.get(); }
  [[nodiscard]] ibv_pd* protection_domain() const { return protection_domain_.get(); }

 private:
  Port port_;
  ibv_device_attr limits_{};
  std::uint64_t largest_message_ = 0;
  std::uint16_t lid_ = 0;
  Context context_;
  ProtectionDomain protection_domain_;
};

/// Lets the device, and the peer for writing and reading, at the memory. Throws std::system_error;
/// where too little may be locked it says how much and how to raise it.
RegisteredMemory register_memory(const Device& device, std::span<std::byte> memory);

/// Throws std::invalid_argument where the device has less room, std::system_error otherwise.
CompletionQueueHandle make_completion_queue(const Device& device, int entries);

int mtu_bytes(ibv_mtu mtu);
/// 256, 512, 1024, 2048 or 4096; throws std::invalid_argument for anything else.
ibv_mtu mtu_code(int bytes);

}  // namespace wiretax::verbs
