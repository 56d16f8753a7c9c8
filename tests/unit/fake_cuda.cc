// What verbs/cuda.cc asks of a driver, for GPUs that no test machine has: GPU_NAME, GPUS,
// GPUDIRECT.

#include <cstdlib>
#include <cstring>

namespace {
constexpr int kInvalidValue = 1;
constexpr int kNoContext = 201;
constexpr int kOutOfMemory = 2;
constexpr std::size_t kMemory = std::size_t{1} << 30;
int context;
bool has_context = false;
}  // namespace

// NOLINTBEGIN(readability-identifier-naming): the names are the driver's.
extern "C" {

int cuInit(unsigned flags) { return flags == 0 ? 0 : kInvalidValue; }

int cuGetErrorString(int error, const char** text) {
  *text = error == kOutOfMemory ? "out of memory" : "something else";
  return 0;
}

int cuDeviceGetCount(int* count) {
  *count = GPUS;
  return 0;
}

int cuDeviceGet(int* device, int ordinal) {
  *device = ordinal;
  return 0;
}

int cuDeviceGetName(char* name, int length, int /*device*/) {
  std::strncpy(name, GPU_NAME, static_cast<std::size_t>(length));
  return 0;
}

int cuDeviceGetAttribute(int* value, int attribute, int /*device*/) {
  constexpr int kGpuDirectRdmaSupported = 116;
  *value = GPUDIRECT;
  return attribute == kGpuDirectRdmaSupported ? 0 : kInvalidValue;
}

int cuDevicePrimaryCtxRetain(void** retained, int /*device*/) {
  *retained = &context;
  return 0;
}

int cuCtxSetCurrent(void* current) {
  has_context = current == &context;
  return 0;
}

int cuMemHostAlloc(void** memory, std::size_t bytes, unsigned /*flags*/) {
  if (!has_context) return kNoContext;
  if (bytes > kMemory) return kOutOfMemory;
  *memory = std::malloc(bytes);
  if (*memory != nullptr) std::memset(*memory, 0xa5, bytes);
  return *memory == nullptr ? kOutOfMemory : 0;
}

int cuMemFreeHost(void* memory) {
  std::free(memory);
  return 0;
}

}  // extern "C"
// NOLINTEND(readability-identifier-naming)
