// Memory, clocks, cores and GPUs of one host.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "bench/doctor/finding.h"
#include "report/units.h"

namespace wiretax::doctor {
namespace {

std::uint64_t bytes_of(const Evidence& host, const std::string& name) {
  const auto found = host.memory.find(name);
  return found == host.memory.end() ? 0 : found->second;
}

/// Below this not even the queues and buffers of one program fit.
void check_memlock(const Evidence& host, Findings& findings) {
  constexpr std::uint64_t kEnough = 256 * kMebibyte;
  if (host.ports.empty() || !host.memlock || *host.memlock >= kEnough) return;
  findings.add("memlock-limit",
               fmt::format("this process may lock {} of memory", format_bytes(*host.memlock)),
               host.container
                   ? "docker run --ulimit memlock=-1"
                   : "'* - memlock unlimited' in /etc/security/limits.conf, then log in again; "
                     "LimitMEMLOCK=infinity for services");
}

/// "7.0.0-1019-nvidia aarch64", and Ubuntu's own 7.0.0-31. x86 has no such memory by default.
bool known_to_lose_memory(const std::string& kernel) {
  const bool nvidias = kernel.starts_with("7.0.0-") && kernel.find("nvidia") != std::string::npos;
  return kernel.ends_with("aarch64") && (nvidias || kernel.starts_with("7.0.0-31-"));
}

/// Kernels that keep memory over a kexec count what is contiguous wrongly.
void check_contiguous(const Evidence& host, Findings& findings) {
  const auto total = bytes_of(host, "CmaTotal");
  const auto free = bytes_of(host, "CmaFree");
  const bool no_total =
      host.memory.contains("CmaTotal") && total == 0 && known_to_lose_memory(host.kernel);
  if (free <= total && !no_total) return;
  findings.add("kho-kernel", fmt::format("CmaFree {} kB, CmaTotal {} kB, kernel {}",
                                         free / kKibibyte, total / kKibibyte, host.kernel));
}

/// A Spark, whose GPU takes of the same memory, freezes where it is used up.
void check_available(const Evidence& host, Findings& findings) {
  const auto least = host.spark() ? 2 * kGibibyte : 512 * kMebibyte;
  if (host.memory_left && *host.memory_left < least) {
    findings.add("memory-exhausted", Severity::kWarning,
                 fmt::format("{} MiB are left until the container's limit of memory",
                             *host.memory_left / kMebibyte),
                 "docker run without --memory, or with more");
  }
  if (!host.memory.contains("MemAvailable") || bytes_of(host, "MemAvailable") >= least) return;
  findings.add(
      "memory-exhausted", host.spark() ? Severity::kFault : Severity::kWarning,
      fmt::format("{} MiB of memory are available", bytes_of(host, "MemAvailable") / kMebibyte),
      "end what takes the memory: ps aux --sort -rss | head; sync; echo 3 | sudo tee "
      "/proc/sys/vm/drop_caches");
}

/// The catalogue's parameter is x86's, and helps only the kernel that owns the processor.
void check_clocksource(const Evidence& host, Findings& findings) {
  constexpr std::array<std::string_view, 5> kFast = {"tsc", "arch_sys_counter", "kvm-clock",
                                                     "hyperv_clocksource_tsc_page", ""};
  if (std::ranges::count(kFast, host.clocksource) > 0) return;
  const bool x86_metal = host.kernel.ends_with("x86_64") && !host.virtual_machine;
  findings.add("clocksource-slow", "the kernel's clock is " + host.clocksource,
               x86_metal ? "" : "look for the reason: sudo dmesg | grep -i clocksource");
}

/// With these drivers the processor chooses its clock, and powersave does not hold it down.
bool slow_governor(const Evidence& host, const std::string& governor) {
  if (host.spark()) return governor != "performance";
  const bool by_itself =
      host.frequency_driver == "intel_pstate" || host.frequency_driver == "amd-pstate-epp";
  return governor == "conservative" || (governor == "powersave" && !by_itself);
}

void check_governors(const Evidence& host, Findings& findings) {
  for (const auto& [governor, cores] : host.governors) {
    if (!slow_governor(host, governor)) continue;
    findings.add("governor-slow", fmt::format("{} cores have the governor {}", cores, governor));
  }
}

void check_cores(const Evidence& host, Findings& findings) {
  constexpr double kLeast = 2;
  if (!host.cpu_limit || *host.cpu_limit >= kLeast) return;
  findings.add("cpu-quota",
               fmt::format("the processor time of this container is limited to {:g} cores",
                           *host.cpu_limit));
}

/// Docker gives 64 MiB, and NCCL takes some 10 MiB a pair of ranks on one host; engines more.
void check_shared_memory(const Evidence& host, Findings& findings) {
  constexpr auto kEnough = 512 * kMebibyte;
  if (!host.container || !host.shared_memory_size || *host.shared_memory_size >= kEnough) return;
  findings.add("shm-small",
               fmt::format("/dev/shm holds {} MiB", *host.shared_memory_size / kMebibyte));
}

void check_gpus(const Evidence& host, Findings& findings) {
  if (host.gpudirect == false) {
    findings.add("gdr-zero", "the GPU has no GPUDirect RDMA (cudaDevAttrGPUDirectRDMASupported 0)");
  }
}

/// Links with nothing at their other end are inactive and well, so that only another GPU of the
/// same kind tells how many there should be.
void check_nvlinks(const Evidence& host, Findings& findings) {
  for (const auto& gpu : host.gpus) {
    const auto peer = std::ranges::find_if(host.gpus, [&](const GpuLinks& other) {
      return other.name == gpu.name && other.active > gpu.active;
    });
    if (peer == host.gpus.end()) continue;
    findings.add("nvlink-down",
                 fmt::format("GPU {} and GPU {}, each {}, have {} and {} active NVLinks", gpu.index,
                             peer->index, gpu.name, gpu.active, peer->active));
  }
}

/// GPUs with links that do not reach each other over them, as with bridges for two: tensor
/// parallelism belongs on those that do.
void check_nvlink_pairs(const Evidence& host, Findings& findings) {
  std::vector<std::string> apart;
  std::vector<std::string> together;
  for (const auto& gpu : host.gpus) {
    for (const auto& other : host.gpus) {
      if (other.index <= gpu.index || gpu.active == 0 || other.active == 0) continue;
      const bool reaches = std::ranges::count(gpu.peers, other.index) > 0;
      (reaches ? together : apart).push_back(fmt::format("{}-{}", gpu.index, other.index));
    }
  }
  if (apart.empty()) return;
  findings.add(
      "nvlink-apart",
      fmt::format("over NVLink these GPUs do not reach each other: {}; these do: {}",
                  fmt::join(apart, ", "),
                  together.empty() ? "none" : fmt::format("{}", fmt::join(together, ", "))));
}

}  // namespace

void check_system(const Evidence& host, Findings& findings) {
  check_memlock(host, findings);
  check_contiguous(host, findings);
  check_available(host, findings);
  check_clocksource(host, findings);
  check_governors(host, findings);
  check_cores(host, findings);
  check_shared_memory(host, findings);
  check_gpus(host, findings);
  check_nvlinks(host, findings);
  check_nvlink_pairs(host, findings);
}

}  // namespace wiretax::doctor
