#include "verbs/cuda.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>
#include <stdexcept>

namespace wiretax::verbs {
namespace {

constexpr int kGpuDirectRdmaSupported = 116;  // CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_SUPPORTED
constexpr unsigned kPortable = 1;             // CU_MEMHOSTALLOC_PORTABLE

/// Stays loaded until the program ends: the driver has threads and handlers of its own.
void* load(const std::string& library) {
  void* const handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle != nullptr) return handle;
  throw std::runtime_error(
      fmt::format("there is no CUDA here: {} (is NVIDIA's driver installed?)", dlerror()));
}

template <typename Function>
void find(void* library, const char* name, Function*& function) {
  function = reinterpret_cast<Function*>(dlsym(library, name));
  if (function == nullptr) {
    throw std::runtime_error(fmt::format("this CUDA driver is too old: it has no {}", name));
  }
}

}  // namespace

struct Cuda::Functions {
  explicit Functions(void* library) {
    find(library, "cuInit", init);
    find(library, "cuGetErrorString", error_string);
    find(library, "cuDeviceGetCount", device_count);
    find(library, "cuDeviceGet", device);
    find(library, "cuDeviceGetName", device_name);
    find(library, "cuDeviceGetAttribute", device_attribute);
    find(library, "cuDevicePrimaryCtxRetain", retain_context);
    find(library, "cuCtxSetCurrent", set_context);
    find(library, "cuMemHostAlloc", host_allocate);
    find(library, "cuMemFreeHost", host_free);
  }

  int (*init)(unsigned flags);
  int (*error_string)(int error, const char** text);
  int (*device_count)(int* count);
  int (*device)(int* device, int ordinal);
  int (*device_name)(char* name, int length, int device);
  int (*device_attribute)(int* value, int attribute, int device);
  int (*retain_context)(void** context, int device);
  int (*set_context)(void* context);
  int (*host_allocate)(void** memory, std::size_t bytes, unsigned flags);
  int (*host_free)(void* memory);
};

Cuda::Cuda(const std::string& library) : functions_(std::make_unique<Functions>(load(library))) {
  check(functions_->init(0), "cuInit");
  int count = 0;
  check(functions_->device_count(&count), "cuDeviceGetCount");
  if (count < 1) throw std::runtime_error("CUDA sees no GPU: is CUDA_VISIBLE_DEVICES empty?");
  check(functions_->device(&device_, 0), "cuDeviceGet");
}

Cuda::~Cuda() = default;

std::string Cuda::gpu() const {
  std::array<char, 256> name{};
  check(functions_->device_name(name.data(), static_cast<int>(name.size()) - 1, device_),
        "cuDeviceGetName");
  return name.data();
}

bool Cuda::gpudirect() const {
  int supported = 0;
  check(functions_->device_attribute(&supported, kGpuDirectRdmaSupported, device_),
        "cuDeviceGetAttribute");
  return supported != 0;
}

std::byte* Cuda::allocate_host(std::size_t bytes) const {
  void* context = nullptr;  // the primary one, which ends with the program
  check(functions_->retain_context(&context, device_), "cuDevicePrimaryCtxRetain");
  check(functions_->set_context(context), "cuCtxSetCurrent");
  void* memory = nullptr;
  check(functions_->host_allocate(&memory, bytes, kPortable),
        fmt::format("cuMemHostAlloc of {} bytes", bytes));
  return static_cast<std::byte*>(memory);
}

void Cuda::free_host(std::byte* memory) const noexcept { functions_->host_free(memory); }

void Cuda::check(int result, const std::string& call) const {
  if (result == 0) return;
  const char* text = nullptr;
  functions_->error_string(result, &text);
  throw std::runtime_error(
      fmt::format("{}: CUDA error {} ({})", call, result, text == nullptr ? "unknown" : text));
}

}  // namespace wiretax::verbs
