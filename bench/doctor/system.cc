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

/// Kernels that keep memory over a kexec count what is contiguous wrongly.
void check_contiguous(const Evidence& host, Findings& findings) {
  const auto total = bytes_of(host, "CmaTotal");
  const auto free = bytes_of(host, "CmaFree");
  const bool no_total = host.memory.contains("CmaTotal") && total == 0 &&
                        host.kernel.starts_with("7.0.0-") &&
                        host.kernel.find("nvidia") != std::string::npos;
  if (free <= total && !no_total) return;
  findings.add("kho-kernel", fmt::format("CmaFree {} kB, CmaTotal {} kB, kernel {}",
                                         free / kKibibyte, total / kKibibyte, host.kernel));
}

void check_available(const Evidence& host, Findings& findings) {
  constexpr std::uint64_t kLeast = 512 * kMebibyte;
  if (!host.memory.contains("MemAvailable") || bytes_of(host, "MemAvailable") >= kLeast) return;
  findings.add(
      "memory-exhausted",
      fmt::format("{} MiB of memory are available", bytes_of(host, "MemAvailable") / kMebibyte),
      "end what takes the memory: ps aux --sort -rss | head; sync; echo 3 | sudo tee "
      "/proc/sys/vm/drop_caches");
}

void check_clocks(const Evidence& host, Findings& findings) {
  constexpr std::array<std::string_view, 4> kFast = {"tsc", "arch_sys_counter", "kvm-clock", ""};
  if (std::ranges::count(kFast, host.clocksource) == 0) {
    findings.add("clocksource-slow", "the kernel's clock is " + host.clocksource);
  }
  for (const auto& [governor, cores] : host.governors) {
    if (governor != "powersave" && governor != "conservative") continue;
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

void check_gpus(const Evidence& host, Findings& findings) {
  if (host.gpudirect == false) {
    findings.add("gdr-zero", "the GPU has no GPUDirect RDMA (cudaDevAttrGPUDirectRDMASupported 0)");
  }
  for (const auto& gpu : host.gpus) {
    if (gpu.inactive == 0) continue;
    findings.add("nvlink-down", fmt::format("GPU {}: {} of {} NVLinks are inactive", gpu.gpu,
                                            gpu.inactive, gpu.active + gpu.inactive));
  }
}

}  // namespace

void check_system(const Evidence& host, Findings& findings) {
  check_memlock(host, findings);
  check_contiguous(host, findings);
  check_available(host, findings);
  check_clocks(host, findings);
  check_cores(host, findings);
  check_gpus(host, findings);
}

}  // namespace wiretax::doctor
