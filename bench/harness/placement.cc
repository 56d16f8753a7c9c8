#include "bench/harness/placement.h"

#include <fmt/format.h>
#include <hwloc.h>
#include <sched.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "bench/harness/failure.h"

namespace wiretax::bench {
namespace {

struct TopologyDeleter {
  void operator()(hwloc_topology_t topology) const { hwloc_topology_destroy(topology); }
};
using Topology = std::unique_ptr<hwloc_topology, TopologyDeleter>;

struct BitmapDeleter {
  void operator()(hwloc_bitmap_t bitmap) const { hwloc_bitmap_free(bitmap); }
};
using Bitmap = std::unique_ptr<hwloc_bitmap_s, BitmapDeleter>;

Topology load_topology() {
  hwloc_topology_t topology = nullptr;
  if (hwloc_topology_init(&topology) != 0) return nullptr;
  Topology owner(topology);
  hwloc_topology_set_io_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
  return hwloc_topology_load(topology) == 0 ? std::move(owner) : nullptr;
}

/// The cores beside a device, or nothing where hwloc does not know it.
hwloc_const_cpuset_t cores_near(hwloc_topology_t topology, const std::string& device) {
  for (auto* object = hwloc_get_next_osdev(topology, nullptr); object != nullptr;
       object = hwloc_get_next_osdev(topology, object)) {
    if (object->name == device) return hwloc_get_non_io_ancestor_obj(topology, object)->cpuset;
  }
  return nullptr;
}

/// Rank of a core's kind in efficiency: the higher the faster; -1 where all are of one kind.
int kind_of(hwloc_topology_t topology, int core) {
  const Bitmap one(hwloc_bitmap_alloc());
  hwloc_bitmap_only(one.get(), static_cast<unsigned>(core));
  return hwloc_cpukinds_get_by_cpuset(topology, one.get(), 0);
}

/// One hardware thread of each core that this process may use, best first.
std::vector<int> ranked_cores(hwloc_topology_t topology, const std::string& device) {
  const auto* const near = cores_near(topology, device);
  const Bitmap allowed(hwloc_bitmap_alloc());  // taskset's or mpirun's choice, within the cgroup's
  hwloc_get_cpubind(topology, allowed.get(), HWLOC_CPUBIND_PROCESS);
  std::vector<std::pair<std::pair<int, int>, int>> ranked;
  for (hwloc_obj_t core = nullptr;
       (core = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_CORE, core)) != nullptr;) {
    const int thread = hwloc_bitmap_first(core->cpuset);
    if (!hwloc_bitmap_isset(allowed.get(), static_cast<unsigned>(thread))) continue;
    const bool is_near = near != nullptr && hwloc_bitmap_isset(near, static_cast<unsigned>(thread));
    ranked.push_back({{-kind_of(topology, thread), is_near ? 0 : 1}, thread});
  }
  std::ranges::stable_sort(ranked, {}, [](const auto& entry) { return entry.first; });
  std::vector<int> cores;
  cores.reserve(ranked.size());
  for (const auto& [key, core] : ranked) cores.push_back(core);
  return cores;
}

/// The cores that the process was started with; the first call remembers them.
const cpu_set_t& initial_cores() {
  static const cpu_set_t kCores = [] {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    sched_getaffinity(0, sizeof cores, &cores);
    return cores;
  }();
  return kCores;
}

}  // namespace

Placement place(const std::vector<int>& wanted, int local_rank, int local_ranks,
                const std::string& device) {
  initial_cores();
  std::vector<int> cores = wanted;
  int all_cores = 0;
  if (cores.empty()) {
    const auto topology = load_topology();
    if (!topology) return {{}, "not placed: hwloc cannot read the topology", {}};
    cores = ranked_cores(topology.get(), device);
    all_cores = hwloc_get_nbobjs_by_type(topology.get(), HWLOC_OBJ_CORE);
  }
  if (!wanted.empty() && std::cmp_less(wanted.size(), local_ranks)) {
    throw Failure(ExitCode::kUsage,
                  fmt::format("--cpu names {} cores for the {} ranks of this host", wanted.size(),
                              local_ranks));
  }
  if (std::cmp_less(cores.size(), local_ranks)) {
    const bool bound = local_ranks <= all_cores;
    return {{},
            fmt::format("not placed: {} ranks may use {} cores", local_ranks, cores.size()),
            bound ? fmt::format("bound to {} of {} cores, by mpirun (--bind-to none) or taskset,",
                                cores.size(), all_cores)
                  : "more ranks than cores"};
  }
  Placement placement;
  for (auto at = static_cast<std::size_t>(local_rank); at < cores.size();
       at += static_cast<std::size_t>(local_ranks)) {
    placement.cores.push_back(cores[at]);
  }
  return placement;
}

void release_thread() { sched_setaffinity(0, sizeof(cpu_set_t), &initial_cores()); }

void bind_thread(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(core), &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) {
    throw Failure(
        ExitCode::kEnvironment,
        fmt::format("core {} may not be used by this process (--cpu, taskset or cgroup)", core));
  }
}

}  // namespace wiretax::bench
