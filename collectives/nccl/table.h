#pragma once

#include <array>
#include <cstddef>
#include <string>

namespace wiretax::collectives {

/// ncclUniqueId (nccl.h), which ncclCommInitRank takes by value.
struct UniqueId {
  std::array<char, 128> bytes{};
};

/// The functions of NCCL and of the CUDA driver that the nccl backend calls: found in their
/// libraries at run time, so that one build runs with any of them and without. Signatures are those
/// of nccl.h 2.18 to 2.30 and of cuda.h; handles are untyped, codes are ints and 0 is success.
/// Device memory is an address, as unified addressing makes it one. Nothing else touches a GPU.
struct GpuTable {
  struct Nccl {
    int (*version)(int* version);
    int (*unique_id)(UniqueId* id);
    int (*init_rank)(void** communicator, int ranks, UniqueId id, int rank);
    int (*destroy)(void* communicator);
    int (*abort)(void* communicator);
    int (*async_error)(void* communicator, int* error);
    const char* (*error_string)(int error);
    const char* (*last_error)(void* communicator);
    int (*group_start)();
    int (*group_end)();
    int (*all_reduce)(const void* source, void* target, std::size_t elements, int type, int sum,
                      void* communicator, void* stream);
    int (*all_gather)(const void* source, void* target, std::size_t part, int type,
                      void* communicator, void* stream);
    int (*reduce_scatter)(const void* source, void* target, std::size_t part, int type, int sum,
                          void* communicator, void* stream);
    int (*broadcast)(const void* source, void* target, std::size_t elements, int type, int root,
                     void* communicator, void* stream);
    int (*send)(const void* source, std::size_t elements, int type, int peer, void* communicator,
                void* stream);
    int (*receive)(void* target, std::size_t elements, int type, int peer, void* communicator,
                   void* stream);
  };

  struct Cuda {
    int (*init)(unsigned flags);
    int (*driver_version)(int* version);
    int (*error_string)(int error, const char** text);
    int (*device_count)(int* count);
    int (*device)(int* device, int ordinal);
    int (*device_name)(char* name, int length, int device);
    int (*device_uuid)(std::array<unsigned char, 16>* uuid, int device);
    int (*device_attribute)(int* value, int attribute, int device);
    int (*retain_context)(void** context, int device);
    int (*set_context)(void* context);
    int (*memory_info)(std::size_t* free, std::size_t* total);
    int (*allocate)(void** memory, std::size_t bytes);
    int (*free)(void* memory);
    int (*set_bytes)(void* memory, unsigned char value, std::size_t bytes, void* stream);
    int (*to_device)(void* target, const void* source, std::size_t bytes, void* stream);
    int (*to_host)(void* target, const void* source, std::size_t bytes, void* stream);
    int (*create_stream)(void** stream, unsigned flags);
    int (*destroy_stream)(void* stream);
    int (*synchronize)(void* stream);
    int (*create_event)(void** event, unsigned flags);
    int (*destroy_event)(void* event);
    int (*record_event)(void* event, void* stream, unsigned flags);
    int (*elapsed_ms)(float* milliseconds, void* begin, void* end);
    int (*begin_capture)(void* stream, int mode);
    int (*end_capture)(void* stream, void** graph);
    int (*instantiate)(void** executable, void* graph, unsigned long long flags);
    int (*destroy_graph)(void* graph);
    int (*launch_graph)(void* executable, void* stream);
    int (*destroy_executable)(void* executable);
    int (*load_module)(void** module, const void* image);
    int (*function)(void** function, void* module, const char* name);
    int (*launch)(void* function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                  unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                  void* stream, void** arguments, void** extra);
  };

  Nccl nccl{};
  Cuda cuda{};
  std::string nccl_path;            // the file that was mapped
  const void* nccl_base = nullptr;  // and where
};

/// Loads both. Throws std::runtime_error that says which library is missing, is none of NCCL's or
/// CUDA's, or is too old, and what to do.
GpuTable load_gpu_table(const std::string& nccl_library = "libnccl.so.2",
                        const std::string& cuda_library = "libcuda.so.1");

}  // namespace wiretax::collectives
