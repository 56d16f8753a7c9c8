// Memory for messages: plain, in huge pages, and pinned by CUDA. The GPUs here are made up; a
// machine that has one tries its own, too.

#include "verbs/buffer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <system_error>

namespace wiretax::verbs {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::shared_ptr<Cuda> driver(const std::string& name) {
  return std::make_shared<Cuda>(WIRETAX_FAKE_DRIVERS "/libcuda_" + name + ".so");
}

template <typename Action>
std::string failure_of(Action action) {
  try {
    action();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

void expect_zeroed_and_writable(const Buffer& buffer, std::size_t bytes) {
  ASSERT_EQ(buffer.bytes().size(), bytes);
  EXPECT_TRUE(
      std::ranges::all_of(buffer.bytes(), [](std::byte each) { return each == std::byte{0}; }));
  std::ranges::fill(buffer.bytes(), std::byte{7});
  EXPECT_EQ(buffer.bytes().back(), std::byte{7});
}

TEST(Buffers, HostMemoryIsZeroed) {
  expect_zeroed_and_writable(Buffer(10'000, Memory::kHost), 10'000);
}

TEST(Buffers, HugePagesAreZeroedOrTheirLackIsExplained) {
  try {
    expect_zeroed_and_writable(Buffer(10'000, Memory::kHugePages), 10'000);
  } catch (const std::system_error& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("no 1 huge pages of 2 MiB (sudo sysctl vm.nr_hugepages=1)"));
  }
}

TEST(Buffers, PinnedMemoryIsZeroedAndGivenBack) {
  expect_zeroed_and_writable(Buffer(10'000, Memory::kCudaHost, driver("gb10")), 10'000);
}

TEST(Buffers, WhatTheDriverRefusesIsSaid) {
  const auto cuda = driver("gb10");
  EXPECT_THAT(
      failure_of([&] { const Buffer buffer(std::size_t{2} << 30, Memory::kCudaHost, cuda); }),
      AllOf(HasSubstr("cuMemHostAlloc of 2147483648 bytes"),
            HasSubstr("CUDA error 2 (out of memory)")));
}

TEST(CudaDriver, WhatANetworkCardCanReach) {
  EXPECT_EQ(driver("gb10")->gpu(), "NVIDIA GB10");
  EXPECT_FALSE(driver("gb10")->gpudirect());
  EXPECT_TRUE(driver("h200")->gpudirect());
}

TEST(CudaDriver, WhatIsMissingIsSaid) {
  EXPECT_THAT(failure_of([] { driver("none"); }), HasSubstr("CUDA sees no GPU"));
  EXPECT_THAT(
      failure_of([] { driver("elsewhere"); }),
      AllOf(HasSubstr("there is no CUDA here: "), HasSubstr("is NVIDIA's driver installed?")));
  EXPECT_THAT(failure_of([] { const Cuda cuda("libc.so.6"); }),
              HasSubstr("this CUDA driver is too old: it has no cuInit"));
}

TEST(CudaDriver, OfThisMachine) {
  std::shared_ptr<Cuda> cuda;
  const auto missing = failure_of([&] { cuda = std::make_shared<Cuda>(); });
  if (!cuda) GTEST_SKIP() << missing;
  EXPECT_FALSE(cuda->gpu().empty());
  expect_zeroed_and_writable(Buffer(10'000, Memory::kCudaHost, cuda), 10'000);
}

}  // namespace
}  // namespace wiretax::verbs
