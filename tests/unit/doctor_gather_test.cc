// What the doctor reads, from trees of files and from a fake driver.

#include <gmock/gmock.h>
#include <gnu/libc-version.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "bench/doctor/gather.h"
#include "bench/doctor/libraries.h"
#include "bench/harness/build_id.h"
#include "own_folder.h"

namespace wiretax::doctor {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFakeNvml = WIRETAX_FAKE_DRIVERS "/libnvml_fake.so";

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::Field;
using testing::IsEmpty;
using testing::Pair;

class Gather : public testing::Test {
 protected:
  Gather() {
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  ~Gather() override { fs::remove_all(root_); }
  Gather(const Gather&) = delete;
  Gather& operator=(const Gather&) = delete;

  void write(const fs::path& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text << '\n';
  }
  [[nodiscard]] Roots roots() const {
    return {root_ / "sys",
            root_ / "proc",
            root_ / "dev",
            root_ / "etc",
            root_ / "run",
            root_ / "home",
            {}};
  }
  [[nodiscard]] Evidence read() const {
    Evidence evidence;
    add_files(roots(), evidence);
    return evidence;
  }
  [[nodiscard]] const fs::path& root() const { return root_; }

 private:
  fs::path root_ = own_folder();
};

TEST_F(Gather, AnEmptyTreeIsNothingWrong) {
  const auto evidence = read();
  EXPECT_EQ(evidence.rdma_functions, 0);
  EXPECT_THAT(evidence.device_files, IsEmpty());
  EXPECT_THAT(evidence.memory, IsEmpty());
  EXPECT_THAT(evidence.unseen, IsEmpty());
  EXPECT_FALSE(evidence.container);
  EXPECT_EQ(evidence.cpu_limit, std::nullopt);
}

TEST_F(Gather, MemoryInBytes) {
  write("proc/meminfo",
        "MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable: 500 kB\nCmaTotal: 0 kB\nCmaFree: 7 kB");
  EXPECT_THAT(read().memory,
              ElementsAre(Pair("CmaFree", 7 * 1024), Pair("CmaTotal", 0),
                          Pair("MemAvailable", 500 * 1024), Pair("MemTotal", 1000 * 1024)));
}

TEST_F(Gather, WhatAContainerMayStillTake) {
  EXPECT_EQ(read().memory_left, std::nullopt);
  write("sys/fs/cgroup/memory.max", "max");
  write("sys/fs/cgroup/memory.current", "1000");
  EXPECT_EQ(read().memory_left, std::nullopt);
  write("sys/fs/cgroup/memory.max", "1500");
  EXPECT_EQ(read().memory_left, 500U);
  write("sys/fs/cgroup/memory.max", "900");
  EXPECT_EQ(read().memory_left, 0U);
}

TEST_F(Gather, AContainersMemoryInTheFilesOfCgroupsFirstVersion) {
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
  write("sys/fs/cgroup/memory/memory.usage_in_bytes", "1000");
  EXPECT_EQ(read().memory_left, std::nullopt);
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "1500");
  EXPECT_EQ(read().memory_left, 500U);
}

TEST_F(Gather, NetworkFunctionsOfThatVendor) {
  const auto add = [&](const std::string& name, const char* vendor, const char* kind) {
    write("sys/bus/pci/devices/" + name + "/vendor", vendor);
    write("sys/bus/pci/devices/" + name + "/class", kind);
  };
  add("0000:01:00.0", "0x15b3", "0x020000");
  add("0000:01:00.1", "0x15b3", "0x020700");
  add("0000:02:00.0", "0x15b3", "0x060400");  // a bridge
  add("0000:03:00.0", "0x8086", "0x020000");
  EXPECT_EQ(read().rdma_functions, 2);
}

TEST_F(Gather, DeviceFiles) {
  write("dev/infiniband/uverbs0", "");
  write("dev/infiniband/rdma_cm", "");
  fs::create_directories(root() / "dev/infiniband/uverbs1");
  EXPECT_THAT(read().device_files, ElementsAre(Pair("/dev/infiniband/uverbs0", 0),
                                               Pair("/dev/infiniband/uverbs1", EISDIR)));
}

TEST_F(Gather, TheDefaultRouteWithTheSmallestMetric) {
  write("proc/net/route",
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
        "wlP9s9\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
        "enP7s7\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
        "enP7s7\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0");
  EXPECT_EQ(read().default_interface, "enP7s7");
}

TEST_F(Gather, Containers) {
  write("run/.containerenv", "");
  write("sys/fs/cgroup/cpu.max", "150000 100000");
  const auto evidence = read();
  EXPECT_TRUE(evidence.container);
  EXPECT_EQ(evidence.cpu_limit, 1.5);
  write("sys/fs/cgroup/cpu.max", "max 100000");
  EXPECT_EQ(read().cpu_limit, std::nullopt);
}

TEST_F(Gather, ContainersOfTheFirstKindOfControlGroups) {
  write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
  write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "150000");
  EXPECT_EQ(read().cpu_limit, 1.5);
  write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1");
  EXPECT_EQ(read().cpu_limit, std::nullopt);
}

TEST_F(Gather, ClockAndGovernors) {
  write("sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet");
  write("sys/devices/system/cpu/cpufreq/policy0/scaling_governor", "performance");
  write("sys/devices/system/cpu/cpufreq/policy0/related_cpus", "0 1 2");
  write("sys/devices/system/cpu/cpufreq/policy3/scaling_governor", "powersave");
  write("sys/devices/system/cpu/cpufreq/policy3/scaling_driver", "intel_pstate");
  const auto evidence = read();
  EXPECT_EQ(evidence.clocksource, "hpet");
  EXPECT_THAT(evidence.governors, ElementsAre(Pair("performance", 3), Pair("powersave", 1)));
  EXPECT_EQ(evidence.frequency_driver, "intel_pstate");
}

TEST_F(Gather, VirtualMachines) {
  write("proc/cpuinfo", "processor: 0\nflags\t\t: fpu vme lm constant_tsc");
  EXPECT_FALSE(read().virtual_machine);
  write("proc/cpuinfo", "processor: 0\nflags\t\t: fpu vme hypervisor lm");
  EXPECT_TRUE(read().virtual_machine);
}

TEST_F(Gather, NcclsFilesTheUsersOwnFirst) {
  write("etc/nccl.conf", "# a remark\nNCCL_NET=Socket\n\nNCCL_DEBUG = INFO");
  write("home/.nccl.conf", "NCCL_NET=IB");
  const auto evidence = read();
  EXPECT_EQ(evidence.nccl_setting("NCCL_NET"), "IB");
  EXPECT_EQ(evidence.nccl_setting("NCCL_DEBUG"), "INFO");
  EXPECT_EQ(evidence.nccl_setting("NCCL_IB_HCA"), std::nullopt);
  EXPECT_EQ(evidence.nccl_conf.size(), 3U);
  EXPECT_THAT(evidence.where("NCCL_DEBUG"), EndsWith("etc/nccl.conf"));
}

TEST_F(Gather, AnotherFileStandsForTheUsersOwn) {
  write("etc/nccl.conf", "NCCL_NET=Socket\nNCCL_DEBUG=INFO");
  write("home/.nccl.conf", "NCCL_NET=IB\nNCCL_IB_HCA=mlx5_0");
  write("job.conf", "NCCL_NET=Mesh");
  auto roots_of_job = roots();
  roots_of_job.nccl_conf = root() / "job.conf";
  Evidence evidence;
  add_files(roots_of_job, evidence);
  EXPECT_EQ(evidence.nccl_setting("NCCL_NET"), "Mesh");
  EXPECT_EQ(evidence.nccl_setting("NCCL_DEBUG"), "INFO");
  EXPECT_EQ(evidence.nccl_setting("NCCL_IB_HCA"), std::nullopt);
}

TEST_F(Gather, WhatIsNotNcclsStaysInTheFile) {
  write("etc/nccl.conf", "HF_TOKEN=secret\nNCCL_NET=IB");
  EXPECT_THAT(read().nccl_conf, ElementsAre(Field(&Setting::name, "NCCL_NET")));
}

TEST_F(Gather, AFileThatCannotBeReadIsTold) {
  if (geteuid() == 0) GTEST_SKIP() << "root reads everything";
  write("etc/nccl.conf", "NCCL_NET=Socket");
  fs::permissions(root() / "etc/nccl.conf", fs::perms::none);
  EXPECT_THAT(read().unseen, ElementsAre(EndsWith("nccl.conf: Permission denied")));
}

TEST_F(Gather, Interfaces) {
  write("sys/class/net/wlP9s9/operstate", "up");
  write("sys/class/net/wlP9s9/mtu", "1500");
  fs::create_directories(root() / "sys/class/net/wlP9s9/wireless");
  write("sys/class/net/enP7s7/operstate", "down");
  fs::create_directories(root() / "sys/class/net/enP7s7/device");
  const auto interfaces = interfaces_of(roots(), {{"wlP9s9", 1, 24}});
  EXPECT_THAT(
      interfaces,
      ElementsAre(AllOf(Field(&NetInterface::name, "enP7s7"), Field(&NetInterface::up, false),
                        Field(&NetInterface::physical, true)),
                  AllOf(Field(&NetInterface::name, "wlP9s9"), Field(&NetInterface::up, true),
                        Field(&NetInterface::wireless, true), Field(&NetInterface::mtu, 1500))));
  EXPECT_EQ(interfaces.back().networks.size(), 1U);
}

TEST(Libraries, NvlinksOfEveryGpu) {
  std::vector<std::string> unseen;
  const auto gpus = gpu_links(unseen, kFakeNvml);
  EXPECT_THAT(gpus, ElementsAre(AllOf(Field(&GpuLinks::index, 0), Field(&GpuLinks::active, 2),
                                      Field(&GpuLinks::name, "NVIDIA H100")),
                                AllOf(Field(&GpuLinks::index, 1), Field(&GpuLinks::active, 1))));
  EXPECT_THAT(gpus.front().peers, ElementsAre(1U));
  setenv("WIRETAX_FAKE_NVML_PAIR", "5", 1);  // NVML_P2P_STATUS_NOT_SUPPORTED
  EXPECT_THAT(gpu_links(unseen, kFakeNvml).front().peers, IsEmpty());
  unsetenv("WIRETAX_FAKE_NVML_PAIR");
  EXPECT_THAT(gpu_links(unseen, "/no/such/library.so"), IsEmpty());
  EXPECT_THAT(unseen, IsEmpty());
}

TEST(Libraries, ADriverThatDoesNotStartIsTold) {
  std::vector<std::string> unseen;
  setenv("WIRETAX_FAKE_NVML_INIT", "9", 1);
  EXPECT_THAT(gpu_links(unseen, kFakeNvml), IsEmpty());
  unsetenv("WIRETAX_FAKE_NVML_INIT");
  EXPECT_THAT(unseen, ElementsAre("NVLinks: nvmlInit_v2: error 9"));
}

TEST(Libraries, AGpuWhoseLinksCannotBeReadIsTold) {
  std::vector<std::string> unseen;
  setenv("WIRETAX_FAKE_NVML_LINK", "15", 1);
  EXPECT_THAT(gpu_links(unseen, kFakeNvml), ElementsAre(Field(&GpuLinks::index, 0)));
  unsetenv("WIRETAX_FAKE_NVML_LINK");
  EXPECT_THAT(unseen, ElementsAre("NVLinks: nvmlDeviceGetNvLinkState: error 15"));
}

TEST(Libraries, AreNamedAsTheyAreMapped) {
  // Of the C library, since every process has it; a function that no sanitizer replaces.
  const auto library = library_of(reinterpret_cast<void*>(&gnu_get_libc_version));
  EXPECT_FALSE(library.path.empty());
  EXPECT_FALSE(bench::own_build_id().empty());
  EXPECT_NE(library.build_id, bench::own_build_id());
}

TEST(Libraries, ThisHost) {
  const auto evidence = gather();
  EXPECT_FALSE(evidence.host.empty());
  EXPECT_FALSE(evidence.boot_id.empty());
  EXPECT_GT(evidence.cores, 0);
  EXPECT_TRUE(evidence.memory.contains("MemAvailable"));
  EXPECT_FALSE(evidence.interfaces.empty());
}

}  // namespace
}  // namespace wiretax::doctor
