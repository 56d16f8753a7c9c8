#include "collectives/nccl/table.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <stdexcept>

namespace wiretax::collectives {
namespace {

/// A library that stays loaded: both have threads and handlers of their own. NOW: with a function
/// missing, a lazily bound one would end the process in the middle of a run.
void* load(const std::string& library, std::string_view fix) {
  void* const handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle != nullptr) return handle;
  throw std::runtime_error(fmt::format("{} ({})", dlerror(), fix));
}

/// Finds functions of one library.
class Finder {
 public:
  Finder(void* library, std::string name, std::string_view what)
      : library_(library), name_(std::move(name)), what_(what) {}

  template <typename Function>
  void operator()(const char* symbol, Function*& function) const {
    function = reinterpret_cast<Function*>(dlsym(library_, symbol));
    if (function != nullptr) return;
    throw std::runtime_error(
        fmt::format("{} is not {}, or too old: it has no {}", name_, what_, symbol));
  }

 private:
  void* library_;
  std::string name_;
  std::string_view what_;
};

void find_nccl(const Finder& find, GpuTable::Nccl& nccl) {
  find("ncclGetVersion", nccl.version);
  find("ncclGetUniqueId", nccl.unique_id);
  find("ncclCommInitRank", nccl.init_rank);
  find("ncclCommDestroy", nccl.destroy);
  find("ncclCommAbort", nccl.abort);
  find("ncclCommGetAsyncError", nccl.async_error);
  find("ncclGetErrorString", nccl.error_string);
  find("ncclGetLastError", nccl.last_error);
  find("ncclGroupStart", nccl.group_start);
  find("ncclGroupEnd", nccl.group_end);
  find("ncclAllReduce", nccl.all_reduce);
  find("ncclAllGather", nccl.all_gather);
  find("ncclReduceScatter", nccl.reduce_scatter);
  find("ncclBroadcast", nccl.broadcast);
  find("ncclSend", nccl.send);
  find("ncclRecv", nccl.receive);
}

/// The names with a number are what cuda.h makes of those without.
void find_cuda(const Finder& find, GpuTable::Cuda& cuda) {
  find("cuInit", cuda.init);
  find("cuDriverGetVersion", cuda.driver_version);
  find("cuGetErrorString", cuda.error_string);
  find("cuDeviceGetCount", cuda.device_count);
  find("cuDeviceGet", cuda.device);
  find("cuDeviceGetName", cuda.device_name);
  find("cuDeviceGetUuid_v2", cuda.device_uuid);
  find("cuDeviceGetAttribute", cuda.device_attribute);
  find("cuDevicePrimaryCtxRetain", cuda.retain_context);
  find("cuCtxSetCurrent", cuda.set_context);
  find("cuMemGetInfo_v2", cuda.memory_info);
  find("cuMemAlloc_v2", cuda.allocate);
  find("cuMemFree_v2", cuda.free);
  find("cuMemsetD8Async", cuda.set_bytes);
  find("cuMemcpyHtoDAsync_v2", cuda.to_device);
  find("cuMemcpyDtoHAsync_v2", cuda.to_host);
  find("cuStreamCreate", cuda.create_stream);
  find("cuStreamDestroy_v2", cuda.destroy_stream);
  find("cuStreamSynchronize", cuda.synchronize);
  find("cuEventCreate", cuda.create_event);
  find("cuEventDestroy_v2", cuda.destroy_event);
  find("cuEventRecordWithFlags", cuda.record_event);
  find("cuEventElapsedTime", cuda.elapsed_ms);
  find("cuStreamBeginCapture_v2", cuda.begin_capture);
  find("cuStreamEndCapture", cuda.end_capture);
  find("cuGraphInstantiateWithFlags", cuda.instantiate);
  find("cuGraphDestroy", cuda.destroy_graph);
  find("cuGraphLaunch", cuda.launch_graph);
  find("cuGraphExecDestroy", cuda.destroy_executable);
  find("cuModuleLoadData", cuda.load_module);
  find("cuModuleGetFunction", cuda.function);
  find("cuLaunchKernel", cuda.launch);
}

}  // namespace

GpuTable load_gpu_table(const std::string& nccl_library, const std::string& cuda_library) {
  GpuTable table;
  // The driver first: without one NCCL is of no use, and says less about it.
  find_cuda({load(cuda_library, "is NVIDIA's driver installed?"), cuda_library, "CUDA's driver"},
            table.cuda);
  find_nccl({load(nccl_library, "install libnccl2, or name the engine's own with --nccl-lib"),
             nccl_library, "NCCL"},
            table.nccl);
  Dl_info info{};
  const bool found = dladdr(reinterpret_cast<const void*>(table.nccl.version), &info) != 0;
  table.nccl_path = found && info.dli_fname != nullptr ? info.dli_fname : nccl_library;
  table.nccl_base = info.dli_fbase;
  return table;
}

}  // namespace wiretax::collectives
