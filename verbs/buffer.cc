#include "verbs/buffer.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "verbs/check.h"

namespace wiretax::verbs {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

std::byte* map(std::size_t bytes, bool huge) {
  void* const memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | (huge ? MAP_HUGETLB : 0), -1, 0);
  if (memory != MAP_FAILED) return static_cast<std::byte*>(memory);
  throw_error(errno, huge
                         ? fmt::format("no {} huge pages of 2 MiB (sudo sysctl vm.nr_hugepages={})",
                                       bytes / kHugePage, bytes / kHugePage)
                         : fmt::format("mmap of {} bytes", bytes));
}

}  // namespace

const char* memory_name(Memory memory) {
  switch (memory) {
    case Memory::kHost:
      return "host memory";
    case Memory::kHugePages:
      return "huge pages";
    case Memory::kCudaHost:
      return "CUDA-pinned host memory";
  }
  return "";
}

Buffer::Buffer(std::size_t bytes, Memory memory, const std::shared_ptr<const Cuda>& cuda)
    : size_(bytes) {
  const bool huge = memory == Memory::kHugePages;
  const auto page = huge ? kHugePage : static_cast<std::size_t>(getpagesize());
  const auto whole = (std::max<std::size_t>(bytes, 1) + page - 1) / page * page;
  if (memory == Memory::kCudaHost) {
    auto* const pinned = cuda->allocate_host(whole);
    data_ = {pinned, [cuda](std::byte* own) { cuda->free_host(own); }};
    std::memset(pinned, 0, whole);
  } else {
    data_ = {map(whole, huge), [whole](std::byte* own) { munmap(own, whole); }};
  }
}

}  // namespace wiretax::verbs
