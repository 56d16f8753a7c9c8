#pragma once

// Owners of the verbs' handles, each the size of a pointer. In a struct, parents stand before
// children, so that children are released first: a device, its protection domain, memory, queues.

#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>

#include <cstdio>
#include <cstring>
#include <memory>

namespace wiretax::verbs {

/// A release that fails is told of and survived: nobody can be thrown at from a destructor.
template <auto Release>
struct Deleter {
  void operator()(auto* handle) const noexcept {
    if (const int result = Release(handle); result != 0) {
      std::fprintf(stderr, "a verbs handle could not be released: %s\n",
                   std::strerror(result > 0 ? result : errno));
    }
  }
};

inline int destroy_event_channel(rdma_event_channel* channel) noexcept {
  rdma_destroy_event_channel(channel);
  return 0;
}

using Context = std::unique_ptr<ibv_context, Deleter<ibv_close_device>>;
using ProtectionDomain = std::unique_ptr<ibv_pd, Deleter<ibv_dealloc_pd>>;
using RegisteredMemory = std::unique_ptr<ibv_mr, Deleter<ibv_dereg_mr>>;
using CompletionQueueHandle = std::unique_ptr<ibv_cq, Deleter<ibv_destroy_cq>>;
using QueuePairHandle = std::unique_ptr<ibv_qp, Deleter<ibv_destroy_qp>>;
using EventChannel = std::unique_ptr<rdma_event_channel, Deleter<destroy_event_channel>>;
using ConnectionId = std::unique_ptr<rdma_cm_id, Deleter<rdma_destroy_id>>;

}  // namespace wiretax::verbs
