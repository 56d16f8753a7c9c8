// The nccl backend on what stands in for a GPU (fake_gpu.cc), in one process.

#include "collectives/backends/nccl.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "collectives/nccl/read_memory.h"

namespace wiretax::collectives {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

const std::string kDriver = WIRETAX_FAKE_DRIVERS "/fake_gpu/libcuda.so.1";
const std::string kNccl = WIRETAX_FAKE_DRIVERS "/fake_gpu/libnccl.so.2";

std::shared_ptr<const GpuTable> fake() {
  return std::make_shared<const GpuTable>(load_gpu_table(kNccl, kDriver));
}

/// Sets a variable of the stand-in until the end of the test.
class Fault {
 public:
  explicit Fault(const char* value, const char* name = "FAKE_GPU_FAULT") : name_(name) {
    setenv(name, value, 1);
  }
  ~Fault() { unsetenv(name_); }
  Fault(const Fault&) = delete;
  Fault& operator=(const Fault&) = delete;

 private:
  const char* name_;
};

std::unique_ptr<NcclBackend> alone(const std::shared_ptr<Gpu>& gpu) {
  NcclGroup group;
  group.id = make_unique_id(gpu->table());
  group.patience_s = 5;
  return std::make_unique<NcclBackend>(gpu, group);
}

TEST(GpuTable, NamesTheLibraryThatIsMissing) {
  EXPECT_THAT([] { load_gpu_table(kNccl, "libno_such_driver.so.1"); },
              ThrowsMessage<std::runtime_error>(
                  AllOf(HasSubstr("libno_such_driver.so.1"), HasSubstr("NVIDIA's driver"))));
  EXPECT_THAT([] { load_gpu_table("/nowhere/libnccl.so.2", kDriver); },
              ThrowsMessage<std::runtime_error>(
                  AllOf(HasSubstr("/nowhere/libnccl.so.2"), HasSubstr("--nccl-lib"))));
}

TEST(GpuTable, RefusesWhatIsNotNccl) {
  EXPECT_THAT(
      [] { load_gpu_table("libm.so.6", kDriver); },
      ThrowsMessage<std::runtime_error>(HasSubstr("libm.so.6 is not NCCL, or too old: it has no")));
  EXPECT_THAT([] { load_gpu_table(kNccl, "libm.so.6"); },
              ThrowsMessage<std::runtime_error>(HasSubstr("is not CUDA's driver")));
}

TEST(GpuTable, KnowsWhichFileItIs) {
  EXPECT_THAT(fake()->nccl_path, testing::StartsWith(WIRETAX_FAKE_DRIVERS));
  EXPECT_EQ(nccl_version(*fake()), "2.28.9");
}

TEST(Gpu, SaysWhatItIs) {
  const auto table = fake();
  EXPECT_EQ(gpu_count(*table), 4);
  const auto gpu = identify_gpu(*table, 0);
  EXPECT_EQ(gpu.name, "NVIDIA GB10");
  EXPECT_TRUE(gpu.integrated);
  EXPECT_EQ(gpu.driver, "13.0");
  EXPECT_EQ(gpu.uuid.size(), 32U);
  EXPECT_NE(gpu.uuid, identify_gpu(*table, 1).uuid);
}

TEST(Gpu, SaysHowMuchMemoryThereIs) {
  const Fault small("1048576", "FAKE_GPU_MEMORY");
  Gpu gpu(fake(), 0);
  EXPECT_THAT([&] { gpu.allocate(2 << 20); }, ThrowsMessage<std::invalid_argument>(AllOf(
                                                  HasSubstr("2 MiB of the GPU's memory are needed"),
                                                  HasSubstr("smaller --bytes"))));
}

TEST(Gpu, DoesNotRecordWhatWaits) {
  Gpu gpu(fake(), 0);
  EXPECT_THAT([&] { gpu.record([&] { gpu.await(); }); },
              ThrowsMessage<LibraryError>(
                  AllOf(HasSubstr("cannot be captured"), HasSubstr("--launch eager"))));
}

TEST(Gpu, MeasuresPausesThatItReads) {
  Gpu gpu(fake(), 0);
  EXPECT_GT(gpu.pause_bytes(1e-3), 0);
  gpu.mark(0);
  gpu.pause(1e-3);
  gpu.mark(1);
  gpu.await();
  EXPECT_GT(gpu.between(0, 1), 0);
}

TEST(Nccl, ChecksDataOfChainsAndOfGraphsOfAnyLength) {
  const auto gpu = std::make_shared<Gpu>(fake(), 0);
  const auto backend = alone(gpu);
  for (const int graph : {0, 1, 2, 5}) {
    for (const bool in_place : {false, true}) {
      const auto task = backend->prepare({.bytes = 4096, .in_place = in_place, .graph = graph});
      const auto n = static_cast<std::uint64_t>(std::max(graph, 1));
      for (int i = 0; i < 3; ++i) EXPECT_NO_THROW(task->run(3 * n)) << graph;
      EXPECT_NO_THROW(task->check(0)) << graph;
      EXPECT_NO_THROW(task->run(n)) << graph;
      EXPECT_NO_THROW(task->check(1)) << graph;
    }
  }
}

TEST(Nccl, HasNoAllToAllInPlace) {
  const auto backend = alone(std::make_shared<Gpu>(fake(), 0));
  EXPECT_THAT(
      [&] {
        backend->prepare({.operation = Operation::kAllToAll, .bytes = 4096, .in_place = true});
      },
      ThrowsMessage<std::invalid_argument>(HasSubstr("--place out")));
}

TEST(Nccl, RepeatsTheWordsOfACallThatFails) {
  const auto gpu = std::make_shared<Gpu>(fake(), 0);
  const auto backend = alone(gpu);
  const auto task = backend->prepare({.bytes = 4096});
  const Fault fault("ncclAllReduce=3");
  EXPECT_THAT([&] { task->run(1); },
              ThrowsMessage<LibraryError>(
                  AllOf(HasSubstr("ncclAllReduce: "), HasSubstr("(ncclResult_t 3)"))));
}

TEST(Nccl, DoesNotWaitForeverToBegin) {
  const auto gpu = std::make_shared<Gpu>(fake(), 0);
  NcclGroup group;
  group.ranks = 2;  // nobody else comes
  group.id = make_unique_id(gpu->table());
  group.patience_s = 0.5;
  EXPECT_THAT([&] { NcclBackend(gpu, group); },
              ThrowsMessage<PeerSilent>(HasSubstr("did not return within 0.5 s")));
}

/// Both that the suite is for, and the oldest that CUDA 13 knows beside.
TEST(ReadMemory, IsPtxThatNvidiasAssemblerTakes) {
  std::filesystem::path assembler = "/usr/local/cuda/bin/ptxas";
  if (!std::filesystem::exists(assembler)) assembler = "/usr/bin/ptxas";
  if (!std::filesystem::exists(assembler)) GTEST_SKIP() << "no ptxas of a CUDA toolkit here";
  const auto folder = testing::TempDir() + "read_memory_" + std::to_string(getpid());
  std::filesystem::create_directory(folder);
  std::ofstream(folder + "/kernel.ptx") << kReadMemory;
  for (const std::string architecture : {"sm_80", "sm_90", "sm_121"}) {
    const auto command = fmt::format("{0} -arch={1} {2}/kernel.ptx -o {2}/kernel.cubin",
                                     assembler.string(), architecture, folder);
    const int status = std::system(command.c_str());
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << architecture;
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace wiretax::collectives
