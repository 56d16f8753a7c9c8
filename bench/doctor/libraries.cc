#include "bench/doctor/libraries.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>

#include "bench/harness/build_id.h"
#include "verbs/cuda.h"

namespace wiretax::doctor {
namespace {

/// Stays loaded: what drivers start in the background outlives a dlclose.
void* load(const std::string& name) { return dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL); }

template <typename Function>
Function* find(void* library, const char* name) {
  return reinterpret_cast<Function*>(dlsym(library, name));
}

void add_nccl(Evidence& evidence) {
  void* const library = load("libnccl.so.2");
  if (library == nullptr) return;
  auto* const get_version = find<int(int*)>(library, "ncclGetVersion");
  if (get_version == nullptr) return;
  evidence.nccl = library_of(reinterpret_cast<void*>(get_version));
  get_version(&evidence.nccl->version);
}

/// NCCL_NET_PLUGIN names one; else NCCL looks for libnccl-net.so.
void add_plugin(Evidence& evidence) {
  const auto wish = evidence.nccl_setting("NCCL_NET_PLUGIN");
  if (wish == "none") return;
  for (const auto& name : {wish ? fmt::format("libnccl-net-{}.so", *wish) : std::string(),
                           wish.value_or(""), std::string("libnccl-net.so")}) {
    if (name.empty() || load(name) == nullptr) continue;
    evidence.external_plugin = name;
    return;
  }
}

}  // namespace

Library library_of(void* symbol) {
  Dl_info info{};
  if (dladdr(symbol, &info) == 0 || info.dli_fname == nullptr) return {};
  return {info.dli_fname, bench::build_id_of(info.dli_fbase), 0};
}

void add_libraries(Evidence& evidence) {
  if (load("libibverbs.so.1") == nullptr) {
    const char* const error = dlerror();
    evidence.libibverbs = error != nullptr ? error : "libibverbs.so.1 cannot be loaded";
  }
  add_nccl(evidence);
  add_plugin(evidence);
  evidence.gpus = gpu_links();
  try {
    evidence.gpudirect = verbs::Cuda().gpudirect();
  } catch (const std::exception&) {
    // No GPU, or no driver: nothing to tell.
  }
}

std::vector<GpuLinks> gpu_links(const std::string& library) {
  constexpr unsigned kMostLinks = 18;  // NVML_NVLINK_MAX_LINKS
  constexpr int kSuccess = 0;
  constexpr unsigned kNameBytes = 96;  // NVML_DEVICE_NAME_V2_BUFFER_SIZE
  using Device = void*;
  void* const nvml = load(library);
  if (nvml == nullptr) return {};
  auto* const init = find<int()>(nvml, "nvmlInit_v2");
  auto* const count_of = find<int(unsigned*)>(nvml, "nvmlDeviceGetCount_v2");
  auto* const device_at = find<int(unsigned, Device*)>(nvml, "nvmlDeviceGetHandleByIndex_v2");
  auto* const name_of = find<int(Device, char*, unsigned)>(nvml, "nvmlDeviceGetName");
  auto* const state_of = find<int(Device, unsigned, unsigned*)>(nvml, "nvmlDeviceGetNvLinkState");
  if (init == nullptr || count_of == nullptr || device_at == nullptr || name_of == nullptr ||
      state_of == nullptr || init() != kSuccess) {
    return {};
  }
  unsigned count = 0;
  if (count_of(&count) != kSuccess) return {};
  std::vector<GpuLinks> gpus;
  for (unsigned i = 0; i < count; ++i) {
    Device device = nullptr;
    std::array<char, kNameBytes> name{};
    if (device_at(i, &device) != kSuccess || name_of(device, name.data(), kNameBytes) != kSuccess) {
      continue;
    }
    GpuLinks links{.gpu = fmt::format("{}: {}", i, name.data())};
    for (unsigned link = 0; link < kMostLinks; ++link) {
      unsigned active = 0;
      if (state_of(device, link, &active) != kSuccess) continue;  // there is no such link
      ++(active != 0 ? links.active : links.inactive);
    }
    if (links.active + links.inactive > 0) gpus.push_back(std::move(links));
  }
  return gpus;
}

}  // namespace wiretax::doctor
