#include "bench/doctor/libraries.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>
#include <stdexcept>

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

/// What is needed of NVML (nvml.h).
class Nvml {
 public:
  explicit Nvml(void* library) : library_(library) {
    check("nvmlInit_v2", need<int()>("nvmlInit_v2")());
  }

  [[nodiscard]] unsigned count() const {
    unsigned count = 0;
    call("nvmlDeviceGetCount_v2", &count);
    return count;
  }

  [[nodiscard]] GpuLinks links_of(unsigned index) const {
    constexpr unsigned kNameBytes = 96;  // NVML_DEVICE_NAME_V2_BUFFER_SIZE
    constexpr unsigned kMostLinks = 18;  // NVML_NVLINK_MAX_LINKS
    Device device = nullptr;
    std::array<char, kNameBytes> name{};
    call("nvmlDeviceGetHandleByIndex_v2", index, &device);
    call("nvmlDeviceGetName", device, name.data(), kNameBytes);
    GpuLinks links{.index = index, .name = name.data()};
    for (unsigned link = 0; link < kMostLinks; ++link) links.active += active(device, link);
    for (unsigned other = 0; links.active > 0 && other < count(); ++other) {
      if (other != index && reaches(device, other)) links.peers.push_back(other);
    }
    return links;
  }

 private:
  using Device = void*;

  template <typename Function>
  Function* need(const char* name) const {
    auto* const function = find<Function>(library_, name);
    if (function == nullptr) throw std::runtime_error(fmt::format("NVML has no {}", name));
    return function;
  }
  template <typename... Arguments>
  void call(const char* name, Arguments... arguments) const {
    check(name, need<int(Arguments...)>(name)(arguments...));
  }
  void check(const char* name, int result) const {
    if (result == 0) return;
    throw std::runtime_error(
        fmt::format("{}: {}", name, need<const char*(int)>("nvmlErrorString")(result)));
  }
  /// 1 or 0. Most GPUs have fewer links than may be asked for.
  [[nodiscard]] int active(Device device, unsigned link) const {
    constexpr int kInvalidArgument = 2;
    constexpr int kNotSupported = 3;
    constexpr const char* kName = "nvmlDeviceGetNvLinkState";
    unsigned state = 0;
    const int result = need<int(Device, unsigned, unsigned*)>(kName)(device, link, &state);
    if (result == kInvalidArgument || result == kNotSupported) return 0;
    check(kName, result);
    return state != 0 ? 1 : 0;
  }

  /// Over NVLink: one between the two, or a switch.
  [[nodiscard]] bool reaches(Device device, unsigned other) const {
    constexpr int kOverNvlink = 2;  // NVML_P2P_CAPS_INDEX_NVLINK
    Device peer = nullptr;
    int status = 0;
    call("nvmlDeviceGetHandleByIndex_v2", other, &peer);
    call("nvmlDeviceGetP2PStatus", device, peer, kOverNvlink, &status);
    return status == 0;  // NVML_P2P_STATUS_OK
  }

  void* library_;
};

template <typename Look>
void or_unseen(std::vector<std::string>& unseen, const Look& look) {
  try {
    look();
  } catch (const std::exception& error) {
    unseen.push_back(fmt::format("NVLinks: {}", error.what()));
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
  evidence.gpus = gpu_links(evidence.unseen);
  try {
    const verbs::Cuda cuda;
    evidence.gpu = cuda.gpu();
    evidence.gpudirect = cuda.gpudirect();
  } catch (const std::exception&) {
    // No GPU, or no driver: nothing to tell.
  }
}

std::vector<GpuLinks> gpu_links(std::vector<std::string>& unseen, const std::string& library) {
  void* const loaded = load(library);
  if (loaded == nullptr) return {};
  std::vector<GpuLinks> gpus;
  or_unseen(unseen, [&] {
    const Nvml nvml(loaded);
    const auto count = nvml.count();
    for (unsigned i = 0; i < count; ++i) {
      or_unseen(unseen, [&] { gpus.push_back(nvml.links_of(i)); });
    }
  });
  return gpus;
}

}  // namespace wiretax::doctor
