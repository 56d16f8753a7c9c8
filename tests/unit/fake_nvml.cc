// A driver of two GPUs: the first has two NVLinks up, the second has one of its two down.

#include <cstring>

// NOLINTBEGIN(readability-identifier-naming): the names are the driver's.
extern "C" {

int nvmlInit_v2() { return 0; }
int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = 2;
  return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  static int devices[2] = {0, 1};
  *device = &devices[index];
  return 0;
}
int nvmlDeviceGetName(void* /*device*/, char* name, unsigned length) {
  std::strncpy(name, "NVIDIA H100", length);
  return 0;
}
int nvmlDeviceGetNvLinkState(void* device, unsigned link, unsigned* active) {
  constexpr int kNotSupported = 3;
  if (link >= 2) return kNotSupported;
  *active = *static_cast<int*>(device) == 1 && link == 1 ? 0 : 1;
  return 0;
}
}
// NOLINTEND(readability-identifier-naming)
