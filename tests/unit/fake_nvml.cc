// A driver of two GPUs: the first has two NVLinks up, the second has one of its two down.
// WIRETAX_FAKE_NVML_INIT is what it starts with, WIRETAX_FAKE_NVML_LINK what the second GPU's links
// give, WIRETAX_FAKE_NVML_PAIR whether the two reach each other over them (0: yes).

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

int wished(const char* variable) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? 0 : std::atoi(text);
}

}  // namespace

// NOLINTBEGIN(readability-identifier-naming): the names are the driver's.
extern "C" {

int nvmlInit_v2() { return wished("WIRETAX_FAKE_NVML_INIT"); }
const char* nvmlErrorString(int result) {
  static char text[16];
  std::snprintf(text, sizeof text, "error %d", result % 1000);
  return text;
}
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
int nvmlDeviceGetP2PStatus(void* /*device*/, void* /*peer*/, int /*what*/, int* status) {
  *status = wished("WIRETAX_FAKE_NVML_PAIR");
  return 0;
}
int nvmlDeviceGetNvLinkState(void* device, unsigned link, unsigned* active) {
  constexpr int kNotSupported = 3;
  if (link >= 2) return kNotSupported;
  const bool second = *static_cast<int*>(device) == 1;
  *active = second && link == 1 ? 0 : 1;
  return second ? wished("WIRETAX_FAKE_NVML_LINK") : 0;
}
}
// NOLINTEND(readability-identifier-naming)
