// Every check of the doctor on hosts that make it fire, and on healthy ones that keep it quiet.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <ostream>

#include "bench/doctor/finding.h"
#include "bench/doctor/name_list.h"
#include "bench/doctor/reach.h"
#include "report/units.h"
#include "sysfs_tree.h"

namespace wiretax::doctor {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::UnorderedElementsAre;
using testing::UnorderedElementsAreArray;
using verbs::Function;
using verbs::spark;

using Functions = std::vector<Function>;

/// A Spark with one cable, as it should be; number 1 or 2.
Evidence healthy(int number, const std::function<void(Functions&)>& change = {}) {
  auto functions = spark(number);
  verbs::unplug(functions, "p1");
  if (change) change(functions);
  Evidence host;
  host.host = fmt::format("spark-{}", number);
  host.who = fmt::format("rank {} ({})", number - 1, host.host);
  host.boot_id = fmt::format("boot-{}", number);
  host.build_id = "0123456789abcdef";
  host.kernel = "6.17.0-1014-nvidia aarch64";
  host.product = "NVIDIA_DGX_Spark";
  host.ports = verbs::ports_of(functions);
  host.rdma_functions = 4;
  for (int i = 0; i < 4; ++i) host.device_files[fmt::format("/dev/infiniband/uverbs{}", i)] = 0;
  const auto networks = verbs::networks_of(functions);
  for (const auto& function : functions) {
    NetInterface interface {
      .name = function.netdev, .up = function.state == "4: ACTIVE", .wireless = false,
      .physical = true, .mtu = 9000, .networks = {}
    };
    for (const auto& network : networks) {
      if (network.netdev == function.netdev) interface.networks.push_back(network);
    }
    host.interfaces.push_back(std::move(interface));
  }
  host.interfaces.push_back({"enP7s7",
                             true,
                             false,
                             true,
                             1500,
                             {{"enP7s7", 0x0a000000U + static_cast<unsigned>(number), 24}}});
  host.interfaces.push_back({"wlP9s9", true, true, true, 1500, {{"wlP9s9", 0xc0a80105, 24}}});
  host.interfaces.push_back({"docker0", true, false, false, 1500, {{"docker0", 0xac110001, 16}}});
  host.default_interface = "enP7s7";
  host.memory = {{"MemTotal", 128 * kGibibyte},
                 {"MemAvailable", 100 * kGibibyte},
                 {"CmaTotal", 64 * kMebibyte},
                 {"CmaFree", 32 * kMebibyte}};
  host.cores = 20;
  host.clocksource = "arch_sys_counter";
  host.governors = {{"performance", 20}};
  host.nccl = Library{"/usr/lib/aarch64-linux-gnu/libnccl.so.2", "fedcba98", 22809};
  return host;
}

std::vector<std::string> ids_of(const std::vector<Finding>& findings) {
  std::vector<std::string> ids;
  ids.reserve(findings.size());
  for (const auto& finding : findings) ids.push_back(finding.id);
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

Evidence with(const std::function<void(Evidence&)>& change) {
  auto host = healthy(1);
  change(host);
  return host;
}

Evidence with_functions(const std::function<void(Functions&)>& change) {
  return healthy(1, change);
}

/// The same devices in a machine that is no Spark.
Evidence elsewhere(const std::function<void(Evidence&)>& change) {
  auto host = healthy(1);
  host.product = "Some Server";
  host.kernel = "6.8.0-31-generic x86_64";
  host.clocksource = "tsc";
  change(host);
  return host;
}

/// "Gen4 x8" of "Gen4 x16", in sysfs's words.
void narrow(Evidence& host, std::size_t port, verbs::PcieLink link, verbs::PcieLink possible) {
  host.ports[port].pcie = link;
  host.ports[port].pcie_possible = possible;
}

Function& named(Functions& functions, const std::string& device) {
  return *std::ranges::find(functions, device, &Function::device);
}

TEST(Doctor, HealthyHostsHaveNothing) {
  EXPECT_THAT(ids_of(examine({healthy(1)})), IsEmpty());
  EXPECT_THAT(ids_of(examine({healthy(1), healthy(2)})), IsEmpty());
}

TEST(Doctor, AMachineWithoutRdmaHasNothing) {
  Evidence laptop;
  laptop.who = laptop.host = "laptop";
  laptop.memlock = 64 * kKibibyte;
  laptop.libibverbs = "libibverbs.so.1: cannot open shared object file";
  laptop.memory = {{"MemAvailable", kGibibyte}};
  laptop.clocksource = "tsc";
  EXPECT_THAT(ids_of(examine({laptop})), IsEmpty());
  laptop.rdma_functions = 2;  // for Ethernet, as in many a cloud
  EXPECT_THAT(ids_of(examine({laptop})), IsEmpty());
}

/// A host that has exactly one thing wrong, which healthy() has not.
struct Case {
  const char* id;
  std::function<Evidence()> host;
  const char* evidence;  // what it says
  const char* fix = "";
};

void PrintTo(const Case& one, std::ostream* out) { *out << one.id; }

class OneHost : public testing::TestWithParam<Case> {};

TEST_P(OneHost, IsFoundByItsIdentifier) {
  const auto& expected = GetParam();
  const auto findings = examine({expected.host()});
  ASSERT_THAT(ids_of(findings), ElementsAre(expected.id));
  EXPECT_EQ(findings.front().who, "rank 0 (spark-1)");
  EXPECT_THAT(findings.front().evidence, HasSubstr(expected.evidence));
  EXPECT_THAT(findings.front().fix, HasSubstr(expected.fix));
  EXPECT_FALSE(findings.front().fix.empty());
}

Case set(const char* id, const char* name, const char* value, const char* evidence,
         const char* fix = "") {
  return {id, [=] { return with([=](Evidence& host) { host.environment[name] = value; }); },
          evidence, fix};
}

INSTANTIATE_TEST_SUITE_P(
    Devices, OneHost,
    testing::Values(
        Case{"no-cable",
             [] {
               return with([](Evidence& host) {
                 host.ports.clear();
                 host.device_files.clear();
                 host.rdma_functions = 0;
               });
             },
             "no RDMA device", "Plug in the cable"},
        Case{"device-vanished", [] { return with([](Evidence& host) { host.ports.pop_back(); }); },
             "4 network functions of vendor 15b3 on PCI, 3 RDMA devices", "Power cycle"},
        Case{"device-vanished",
             [] {
               return with([](Evidence& host) {
                 host.ports.clear();
                 host.device_files.clear();
               });
             },
             "4 network functions of vendor 15b3 on PCI, 0 RDMA devices", "sudo modprobe mlx5_ib"},
        Case{"libibverbs-missing",
             [] { return with([](Evidence& host) { host.libibverbs = "cannot open"; }); },
             "cannot open", "apt-get install libibverbs1"},
        Case{"container-without-infiniband",
             [] {
               return with([](Evidence& host) {
                 host.container = true;
                 host.device_files.clear();
               });
             },
             "no /dev/infiniband/uverbs*", "--device=/dev/infiniband"},
        Case{"device-not-openable",
             [] {
               return with(
                   [](Evidence& host) { host.device_files["/dev/infiniband/uverbs0"] = EACCES; });
             },
             "/dev/infiniband/uverbs0: Permission denied", "sudo chmod 0666"},
        Case{"half-pcie-narrow",
             [] {
               return with_functions(
                   [](Functions& functions) { named(functions, "roceP2p1s0f0").width = "2"; });
             },
             "roceP2p1s0f0 at 0002:01:00.0 is Gen5 x2, not Gen5 x4"},
        Case{"half-pcie-narrow",
             [] { return elsewhere([](Evidence& host) {
                    narrow(host, 0, {16, 4}, {32, 16});
                  }); },
             "roceP2p1s0f0 at 0002:01:00.0 is Gen4 x4, not Gen5 x16"},
        Case{"switch-at-100g",
             [] {
               return with_functions([](Functions& functions) {
                 named(functions, "rocep1s0f0").rate = "100 Gb/sec (2X HDR)";
               });
             },
             "rocep1s0f0 runs at 100 Gb/s"},
        Case{"switch-at-100g",
             [] {
               return with_functions([](Functions& functions) {
                 named(functions, "rocep1s0f0").rate = "25 Gb/sec (1X EDR)";
               });
             },
             "rocep1s0f0 runs at 25 Gb/s"},
        Case{"switch-at-100g",
             [] {
               return elsewhere(
                   [](Evidence& host) { host.ports[0].rate_bytes_per_s = 100 * kGigabit; });
             },
             "roceP2p1s0f0 runs at 100 Gb/s"},
        Case{"same-pcie-link",
             [] {
               return with_functions([](Functions& functions) {
                 functions = spark(1);
                 for (const auto* const device : {"roceP2p1s0f0", "roceP2p1s0f1"}) {
                   named(functions, device).ipv4.clear();
                   named(functions, device).cage.clear();
                   named(functions, device).state = "1: DOWN";
                 }
               });
             },
             "rocep1s0f0 and rocep1s0f1 share the PCIe link 0000:01:00, which carries 126 of their "
             "400 Gb/s"}));

INSTANTIATE_TEST_SUITE_P(
    Ports, OneHost,
    testing::Values(
        Case{"port-down",
             [] {
               return with_functions([](Functions& functions) {
                 named(functions, "roceP2p1s0f0").state = "1: DOWN";
                 named(functions, "roceP2p1s0f0").ipv4.clear();
               });
             },
             "roceP2p1s0f0 is DOWN, and rocep1s0f0 in the same cage is ACTIVE",
             "sudo ip link set enP2p1s0f0np0 up"},
        Case{"port-down",
             [] {
               return with_functions([](Functions& functions) { verbs::unplug(functions, "p0"); });
             },
             "rocep1s0f0 is DOWN, rocep1s0f1 is DOWN"},
        Case{"mtu-1500",
             [] {
               return with_functions(
                   [](Functions& functions) { named(functions, "rocep1s0f0").mtu = "1500"; });
             },
             "enp1s0f0np0 has MTU 1500", "sudo ip link set enp1s0f0np0 mtu 9000"},
        Case{"bonded-halves",
             [] { return with([](Evidence& host) { host.ports.back().bond = "bond0"; }); },
             "enp1s0f1np1 belongs to bond0", "sudo ip link set enp1s0f1np1 nomaster"}));

INSTANTIATE_TEST_SUITE_P(
    Addresses, OneHost,
    testing::Values(Case{"half-without-ipv4",
                         [] {
                           return with_functions([](Functions& functions) {
                             named(functions, "roceP2p1s0f0").ipv4.clear();
                           });
                         },
                         "roceP2p1s0f0 is ACTIVE, and enP2p1s0f0np0 has no IPv4 address",
                         "sudo ip address add ADDRESS/24 dev enP2p1s0f0np0"},
                    Case{"halves-in-one-subnet",
                         [] {
                           return with_functions([](Functions& functions) {
                             named(functions, "roceP2p1s0f0").ipv4 = "192.168.177.101";
                           });
                         },
                         "enP2p1s0f0np0 192.168.177.101/24 and enp1s0f0np0 192.168.177.1/24"},
                    Case{"link-local-ambiguous",
                         [] {
                           return with_functions([](Functions& functions) {
                             for (const auto* const device : {"rocep1s0f0", "roceP2p1s0f0"}) {
                               named(functions, device).prefix_length = 16;
                             }
                             named(functions, "rocep1s0f0").ipv4 = "169.254.1.1";
                             named(functions, "roceP2p1s0f0").ipv4 = "169.254.2.1";
                           });
                         },
                         "enP2p1s0f0np0 and enp1s0f0np0 have addresses in 169.254.0.0/16 only"},
                    Case{"host-ip-wrong",
                         [] {
                           return with([](Evidence& host) { host.default_interface = "wlP9s9"; });
                         },
                         "the default route is over wlP9s9", "export VLLM_HOST_IP=192.168.178.1"}));

INSTANTIATE_TEST_SUITE_P(
    System, OneHost,
    testing::Values(
        Case{"memlock-limit",
             [] { return with([](Evidence& host) { host.memlock = 64 * kKibibyte; }); },
             "this process may lock 64 KiB", "limits.conf"},
        Case{"kho-kernel",
             [] { return with([](Evidence& host) { host.memory["CmaFree"] = kGibibyte; }); },
             "CmaFree 1048576 kB, CmaTotal 65536 kB", "kho=off"},
        Case{"kho-kernel",
             [] {
               return with([](Evidence& host) {
                 host.kernel = "7.0.0-31-generic aarch64";
                 host.memory["CmaTotal"] = host.memory["CmaFree"] = 0;
               });
             },
             "CmaFree 0 kB, CmaTotal 0 kB, kernel 7.0.0-31-generic", "kho=off"},
        Case{"memory-exhausted",
             [] {
               return with([](Evidence& host) { host.memory["MemAvailable"] = 100 * kMebibyte; });
             },
             "100 MiB of memory are available"},
        Case{"memory-exhausted",
             [] { return with([](Evidence& host) { host.memory["MemAvailable"] = kGibibyte; }); },
             "1024 MiB of memory are available"},
        Case{"clocksource-slow",
             [] { return with([](Evidence& host) { host.clocksource = "jiffies"; }); }, "jiffies",
             "look for the reason: sudo dmesg"},
        Case{"clocksource-slow",
             [] { return elsewhere([](Evidence& host) { host.clocksource = "hpet"; }); }, "hpet",
             "tsc=reliable"},
        Case{"clocksource-slow",
             [] {
               return elsewhere([](Evidence& host) {
                 host.clocksource = "hpet";
                 host.virtual_machine = true;
               });
             },
             "hpet", "look for the reason: sudo dmesg"},
        Case{"governor-slow",
             [] { return with([](Evidence& host) { host.governors["powersave"] = 10; }); },
             "10 cores have the governor powersave"},
        Case{"governor-slow",
             [] { return with([](Evidence& host) {
                    host.governors = {{"schedutil", 20}};
                  }); },
             "20 cores have the governor schedutil"},
        Case{"governor-slow",
             [] {
               return elsewhere([](Evidence& host) {
                 host.governors = {{"powersave", 20}};
                 host.frequency_driver = "acpi-cpufreq";
               });
             },
             "20 cores have the governor powersave"},
        Case{"cpu-quota", [] { return with([](Evidence& host) { host.cpu_limit = 1.5; }); },
             "limited to 1.5 cores"},
        Case{"gdr-zero", [] { return with([](Evidence& host) { host.gpudirect = false; }); },
             "no GPUDirect RDMA"},
        Case{"nvlink-down",
             [] {
               return with([](Evidence& host) {
                 host.gpus = {{0, "NVIDIA H100", 12, {1}}, {1, "NVIDIA H100", 18, {0}}};
               });
             },
             "GPU 0 and GPU 1, each NVIDIA H100, have 12 and 18 active NVLinks"},
        Case{"nvlink-apart",
             [] {
               return with([](Evidence& host) {
                 host.gpus = {{0, "NVIDIA H100 NVL", 12, {1}},
                              {1, "NVIDIA H100 NVL", 12, {0}},
                              {2, "NVIDIA H100 NVL", 12, {}}};
               });
             },
             "do not reach each other: 0-2, 1-2; these do: 0-1"},
        Case{"memory-exhausted",
             [] { return with([](Evidence& host) { host.memory_left = 300 * kMebibyte; }); },
             "300 MiB are left until the container's limit"},
        Case{"shm-small",
             [] {
               return with([](Evidence& host) {
                 host.container = true;
                 host.shared_memory_size = 64 * kMebibyte;
               });
             },
             "/dev/shm holds 64 MiB"}));

INSTANTIATE_TEST_SUITE_P(
    Nccl, OneHost,
    testing::Values(
        set("ib-disabled", "NCCL_IB_DISABLE", "1", "NCCL_IB_DISABLE=1 in the environment",
            "unset NCCL_IB_DISABLE"),
        set("ib-disabled", "NCCL_IB_DISABLE", " 2", "NCCL_IB_DISABLE= 2 in the environment"),
        set("net-forced-socket", "NCCL_NET", "Socket", "NCCL_NET=Socket in the environment"),
        set("net-forced-socket", "NCCL_NET", "sOCKET", "NCCL_NET=sOCKET in the environment"),
        set("hca-filter", "NCCL_IB_HCA", "mlx5_0",
            "the devices here are roceP2p1s0f0, roceP2p1s0f1, rocep1s0f0"),
        set("one-half-only", "NCCL_IB_HCA", "=rocep1s0f0", "leaves out roceP2p1s0f0",
            "NCCL_IB_HCA=rocep1s0f0,roceP2p1s0f0"),
        set("no-ip-interface", "NCCL_SOCKET_IFNAME", "eth0", "no interface of such a name"),
        set("no-ip-interface", "GLOO_SOCKET_IFNAME", "enP7s7,eth0", "no interface eth0 is up",
            "export GLOO_SOCKET_IFNAME"),
        set("no-ip-interface", "TP_SOCKET_IFNAME", "enP7", "no interface enP7 is up"),
        set("host-ip-wrong", "VLLM_HOST_IP", "1.2.3.4", "no interface here has that address"),
        set("wrong-interface", "NCCL_SOCKET_IFNAME", "=wlP9s9", "which is wlP9s9"),
        set("wrong-interface", "NCCL_SOCKET_IFNAME", "docker", "which is docker0"),
        set("gid-index-empty", "NCCL_IB_GID_INDEX", "9", "roceP2p1s0f0 has no GID at that index",
            "unset NCCL_IB_GID_INDEX"),
        set("gid-index-empty", "NCCL_IB_GID_INDEX", "0x9", "roceP2p1s0f0 has no GID at that index"),
        set("gid-link-local", "NCCL_IB_GID_INDEX", "1", "which is not RoCE v2 of an IPv4 address"),
        set("gid-link-local", "NCCL_IB_GID_INDEX", "2", "which is not RoCE v2 of an IPv4 address"),
        set("subnet-aware-unknown", "NCCL_IB_SUBNET_AWARE_ROUTING", "1",
            "NCCL is of version 2.28.9"),
        Case{"nvls-hang", [] { return with([](Evidence& host) { host.nccl->version = 23004; }); },
             "2.30.4"},
        Case{"external-plugin",
             [] { return with([](Evidence& host) { host.external_plugin = "libnccl-net.so"; }); },
             "libnccl-net.so"},
        Case{"leftover-nccl-conf",
             [] {
               return with([](Evidence& host) {
                 host.nccl_conf = {{"/etc/nccl.conf", "NCCL_DEBUG", "INFO"}};
               });
             },
             "/etc/nccl.conf sets NCCL_DEBUG=INFO", "delete /etc/nccl.conf"}));

TEST(Doctor, TheOtherWayKeepsEachQuiet) {
  const auto quiet = [](const char* name, const char* value) {
    EXPECT_THAT(ids_of(examine({with([&](Evidence& host) { host.environment[name] = value; })})),
                IsEmpty())
        << name << '=' << value;
  };
  quiet("NCCL_IB_DISABLE", "0");
  quiet("NCCL_IB_DISABLE", "");
  quiet("NCCL_IB_DISABLE", "false");
  quiet("NCCL_NET", "IB");
  quiet("NCCL_IB_HCA", "rocep1s0f0,roceP2p1s0f0");
  quiet("NCCL_IB_HCA", "roce");
  quiet("NCCL_IB_HCA", "^mlx5");
  quiet("NCCL_SOCKET_IFNAME", "enp1s0f0");
  quiet("NCCL_SOCKET_IFNAME", "^docker,wl");
  quiet("NCCL_SOCKET_IFNAME", "^");
  quiet("NCCL_IB_GID_INDEX", "3");
  quiet("NCCL_IB_GID_INDEX", "-1");
  quiet("NCCL_IB_GID_INDEX", "");
  quiet("NCCL_IB_SUBNET_AWARE_ROUTING", "0");
  quiet("GLOO_SOCKET_IFNAME", "enP7s7,enp1s0f0np0");
  quiet("TP_SOCKET_IFNAME", "enP7s7");
  quiet("VLLM_HOST_IP", "10.0.0.1");
  quiet("VLLM_HOST_IP", "fd00::1");
}

TEST(Doctor, AFileSetsWhatTheEnvironmentDoesNot) {
  const auto findings = examine({with([](Evidence& host) {
    host.nccl_conf = {{"/etc/nccl.conf", "NCCL_IB_DISABLE", "1"}};
  })});
  EXPECT_THAT(ids_of(findings), ElementsAre("ib-disabled", "leftover-nccl-conf"));
  EXPECT_EQ(findings.front().fix, "delete the line NCCL_IB_DISABLE=1 in /etc/nccl.conf");
  EXPECT_THAT(ids_of(examine({with([](Evidence& host) {
                host.environment["NCCL_IB_DISABLE"] = "0";
                host.nccl_conf = {{"/etc/nccl.conf", "NCCL_IB_DISABLE", "1"}};
              })})),
              ElementsAre("leftover-nccl-conf"));
}

void expect_quiet(const char* why, const Evidence& host) {
  EXPECT_THAT(ids_of(examine({host})), IsEmpty()) << why;
}

TEST(Doctor, NvlinksAreComparedAmongGpusOfOneKind) {
  const auto quiet = [](const char* why, std::vector<GpuLinks> gpus) {
    expect_quiet(why, with([&](Evidence& host) { host.gpus = std::move(gpus); }));
  };
  quiet("one, on PCIe", {{0, "NVIDIA H100 PCIe", 0}});
  quiet("one of a bridged pair that is alone", {{0, "NVIDIA H100 NVL", 12}});
  quiet("as many", {{0, "NVIDIA H100 NVL", 12, {1}}, {1, "NVIDIA H100 NVL", 12, {0}}});
  quiet("another kind", {{0, "NVIDIA H100", 18}, {1, "NVIDIA L4", 0}});
  quiet("no bridge", {{0, "NVIDIA H100 NVL", 0}, {1, "NVIDIA H100 NVL", 0}});
}

TEST(Doctor, ASparkIsKnownByItsGpuToo) {
  const auto makers = [](const char* gpu) {
    return elsewhere([&](Evidence& host) {
      host.product = "GX10";
      host.gpu = gpu;
      host.governors = {{"schedutil", 20}};
    });
  };
  EXPECT_THAT(ids_of(examine({makers("NVIDIA GB10")})), ElementsAre("governor-slow"));
  expect_quiet("another GPU", makers("NVIDIA H100"));
}

TEST(Doctor, ABondsFunctionsAreOneDevice) {
  const auto host = with([](Evidence& bonded) {
    bonded.ports.pop_back();
    bonded.ports.back().bond = "bond0";
  });
  EXPECT_THAT(ids_of(examine({host})), ElementsAre("bonded-halves"));
}

TEST(Doctor, LinkLocalAddressesElsewhereDoNotMatter) {
  const auto host = with([](Evidence& local) {
    local.interfaces.push_back({"usb0", true, false, true, 1500, {{"usb0", 0xa9fe0001, 16}}});
    local.interfaces.push_back({"usb1", true, false, true, 1500, {{"usb1", 0xa9fe0002, 16}}});
  });
  expect_quiet("no RDMA device has them", host);
}

TEST(Doctor, WhatNcclLeavesOutNeedsNoAddress) {
  auto host =
      with_functions([](Functions& functions) { named(functions, "roceP2p1s0f0").ipv4.clear(); });
  host.environment["NCCL_IB_HCA"] = "=rocep1s0f0";
  EXPECT_THAT(ids_of(examine({host})), ElementsAre("one-half-only"));
  host.environment["NCCL_IB_GID_INDEX"] = "3";  // empty at the other half
  EXPECT_THAT(ids_of(examine({host})), ElementsAre("one-half-only"));
}

TEST(Doctor, ClocksAndGovernorsThatAreFast) {
  for (const auto* const clock : {"tsc", "kvm-clock", "hyperv_clocksource_tsc_page"}) {
    expect_quiet(clock, elsewhere([&](Evidence& host) { host.clocksource = clock; }));
  }
  for (const auto* const driver : {"intel_pstate", "amd-pstate-epp"}) {
    expect_quiet(driver, elsewhere([&](Evidence& host) {
                   host.governors = {{"powersave", 20}};
                   host.frequency_driver = driver;
                 }));
  }
  expect_quiet("schedutil", elsewhere([](Evidence& host) { host.governors = {{"schedutil", 8}}; }));
}

TEST(Doctor, LittleMemoryIsAFaultOnASparkOnly) {
  const auto little = [](Evidence& host) { host.memory["MemAvailable"] = 100 * kMebibyte; };
  EXPECT_EQ(examine({with(little)}).front().severity, Severity::kFault);
  EXPECT_EQ(examine({elsewhere(little)}).front().severity, Severity::kWarning);
  expect_quiet("enough",
               elsewhere([](Evidence& host) { host.memory["MemAvailable"] = kGibibyte; }));
}

TEST(Doctor, NoContiguousMemoryIsNormalElsewhere) {
  for (const auto* const kernel : {"7.0.0-31-generic x86_64", "7.0.0-32-generic aarch64"}) {
    expect_quiet(kernel, with([&](Evidence& host) {
                   host.kernel = kernel;
                   host.memory["CmaTotal"] = host.memory["CmaFree"] = 0;
                 }));
  }
}

TEST(Doctor, ANarrowLinkIsToldOnceForAllItsFunctions) {
  const auto findings = examine({with([](Evidence& host) {
    narrow(host, 0, {32, 2}, {32, 16});
    narrow(host, 1, {32, 2}, {32, 16});
  })});
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings.front().id, "half-pcie-narrow");
}

TEST(Doctor, OtherMachinesLinksAndRates) {
  expect_quiet("as wide as it can be", elsewhere([](Evidence& host) {
                 narrow(host, 0, {16, 4}, {16, 4});
               }));
  expect_quiet("no twin has more", elsewhere([](Evidence& host) {
                 for (std::size_t i = 0; i < host.ports.size(); ++i) {
                   narrow(host, i, {16, 8}, {32, 16});
                 }
               }));
  expect_quiet("another card", elsewhere([](Evidence& host) {
                 host.ports[0].rate_bytes_per_s = 100 * kGigabit;
                 host.ports[0].sys_image_guid = "0002:c903:0000:0001";
               }));
}

TEST(Doctor, OnePcieLinkMayBeEnough) {
  auto host = elsewhere([](Evidence& wide) {
    for (auto& port : wide.ports) port.phys_port_name.clear();
    wide.ports[0].state = "DOWN";
    wide.ports[0].networks.clear();
    wide.ports[3].state = "ACTIVE";
    wide.ports[3].rate_bytes_per_s = 200 * kGigabit;
    wide.ports[3].networks = {{wide.ports[3].netdev, 0xc0a8bb01, 24}};
  });
  EXPECT_THAT(ids_of(examine({host})), ElementsAre("same-pcie-link"));
  narrow(host, 2, {32, 16}, {32, 16});
  narrow(host, 3, {32, 16}, {32, 16});
  expect_quiet("504 Gb/s carry 400", host);
}

TEST(Doctor, NetworkManagerIsSuspectedOfTakingAddresses) {
  auto host =
      with_functions([](Functions& functions) { named(functions, "rocep1s0f0").ipv4.clear(); });
  host.network_manager = true;
  EXPECT_THAT(ids_of(examine({host})), ElementsAre("addresses-vanish", "half-without-ipv4"));
}

TEST(Doctor, APortThatIsDownButHasAnAddressIsMissed) {
  const auto host = with_functions([](Functions& functions) {
    auto& port = named(functions, "roceP2p1s0f0");
    port.state = "1: DOWN";
    port.cage.clear();
  });
  const auto findings = examine({host});
  EXPECT_THAT(ids_of(findings), ElementsAre("port-down"));
  EXPECT_THAT(findings.front().evidence, HasSubstr("enP2p1s0f0np0 has an address"));
}

TEST(Doctor, FaultsComeFirst) {
  const auto findings = examine({with([](Evidence& host) {
    host.gpudirect = false;
    host.governors["powersave"] = 1;
    host.memlock = 1;
  })});
  ASSERT_EQ(findings.size(), 3U);
  EXPECT_EQ(findings[0].severity, Severity::kFault);
  EXPECT_EQ(findings[1].severity, Severity::kWarning);
  EXPECT_EQ(findings[2].severity, Severity::kInfo);
}

// Between two hosts.

std::vector<Finding> between(const std::function<void(Evidence&)>& change,
                             const std::function<void(Functions&)>& cable = {}) {
  auto other = healthy(2, cable);
  if (change) change(other);
  return examine({healthy(1), other});
}

TEST(DoctorBetweenHosts, MtusDiffer) {
  const auto findings =
      between({}, [](Functions& functions) { named(functions, "rocep1s0f0").mtu = "4500"; });
  ASSERT_THAT(ids_of(findings), ElementsAre("mtu-mismatch"));
  EXPECT_EQ(findings.front().evidence,
            "enp1s0f0np0 of rank 0 (spark-1) has MTU 9000, enp1s0f0np0 of rank 1 (spark-2) has "
            "4500");
  EXPECT_EQ(findings.front().fix, "on spark-2: sudo ip link set enp1s0f0np0 mtu 9000");
}

TEST(DoctorBetweenHosts, TheCableIsInAnotherCage) {
  const auto findings = between({}, [](Functions& functions) {
    functions = spark(2);
    verbs::unplug(functions, "p0");
    // Its subnets by index do not match: the halves are crossed.
    std::swap(named(functions, "rocep1s0f1").ipv4, named(functions, "roceP2p1s0f1").ipv4);
  });
  EXPECT_THAT(ids_of(findings), ElementsAre("ports-paired-wrong"));
}

TEST(DoctorBetweenHosts, TheCableIsInAnotherCageWithTheRightAddresses) {
  const auto findings = between({}, [](Functions& functions) {
    functions = spark(2);
    for (const std::string half : {"rocep1s0", "roceP2p1s0"}) {
      named(functions, half + "f1").ipv4 = named(functions, half + "f0").ipv4;
    }
    verbs::unplug(functions, "p0");
  });
  ASSERT_THAT(ids_of(findings), ElementsAre("ports-paired-wrong"));
  EXPECT_EQ(findings.front().severity, Severity::kWarning);
  EXPECT_THAT(findings.front().evidence, HasSubstr("of cage p0 at rank 0 (spark-1) leads to"));
}

TEST(DoctorBetweenHosts, DevicesWithoutASubnetInCommonMayBeRouted) {
  const auto findings = between({}, [](Functions& functions) {
    for (auto& function : functions) function.ipv4.clear();
    named(functions, "rocep1s0f0").ipv4 = "172.16.1.2";
    named(functions, "roceP2p1s0f0").ipv4 = "172.16.2.2";
  });
  ASSERT_THAT(ids_of(findings), ElementsAre("ports-paired-wrong"));
  EXPECT_EQ(findings.front().severity, Severity::kWarning);
}

TEST(DoctorBetweenHosts, DevicesThatNcclMayNotUseHaveNoPlaceInItsOrder) {
  auto one = healthy(1);
  auto other = healthy(2, [](Functions& functions) {
    std::swap(named(functions, "rocep1s0f0").ipv4, named(functions, "roceP2p1s0f0").ipv4);
  });
  const auto crossed = examine({one, other});
  ASSERT_THAT(ids_of(crossed), Contains("ports-paired-wrong"));
  EXPECT_EQ(crossed.front().severity, Severity::kFault);
  one.environment["NCCL_IB_HCA"] = "=rocep1s0f0";
  other.environment["NCCL_IB_HCA"] = "=roceP2p1s0f0";
  EXPECT_THAT(ids_of(examine({one, other})), Not(Contains("ports-paired-wrong")));
}

TEST(DoctorBetweenHosts, AnMtuThatCannotBeSeenIsNotCompared) {
  EXPECT_THAT(ids_of(between([](Evidence& host) {
                for (auto& port : host.ports) port.netdev_mtu = 0;
              })),
              Not(Contains("mtu-mismatch")));
}

TEST(DoctorBetweenHosts, BuildsDiffer) {
  const auto findings = between([](Evidence& host) { host.build_id = "ffff"; });
  ASSERT_THAT(ids_of(findings), ElementsAre("builds-differ"));
  EXPECT_EQ(findings.front().fix, "./scripts/deploy spark-2");
}

TEST(DoctorBetweenHosts, AVariableOfOneRank) {
  const auto findings = between([](Evidence& host) { host.environment["NCCL_PROTO"] = "LL"; });
  ASSERT_THAT(ids_of(findings), ElementsAre("env-not-forwarded"));
  EXPECT_EQ(findings.front().severity, Severity::kFault);
  EXPECT_EQ(findings.front().evidence,
            "NCCL_PROTO: none at rank 0 (spark-1); LL at rank 1 (spark-2)");
  EXPECT_THAT(findings.front().fix, HasSubstr("mpirun -x NCCL_PROTO"));
}

TEST(DoctorBetweenHosts, AVariableThatOnlyLogsIsNoFault) {
  const auto findings = between([](Evidence& host) { host.environment["NCCL_DEBUG"] = "INFO"; });
  ASSERT_THAT(ids_of(findings), ElementsAre("env-not-forwarded"));
  EXPECT_EQ(findings.front().severity, Severity::kWarning);
}

TEST(DoctorBetweenHosts, AFileSetsWhatTheEnvironmentOfTheOtherSets) {
  auto one = healthy(1);
  auto other = healthy(2);
  one.nccl_conf.push_back({"/etc/nccl.conf", "NCCL_PROTO", "LL"});
  EXPECT_THAT(ids_of(examine({one, other})), Contains("env-not-forwarded"));
  other.environment["NCCL_PROTO"] = "LL";
  EXPECT_THAT(ids_of(examine({one, other})), Not(Contains("env-not-forwarded")));
}

TEST(DoctorBetweenHosts, NamesOfDevicesMayDiffer) {
  auto one = healthy(1);
  auto other = healthy(2);
  one.environment["NCCL_SOCKET_IFNAME"] = "enp1s0f0np0";
  other.environment["NCCL_SOCKET_IFNAME"] = "enP7s7";
  EXPECT_THAT(ids_of(examine({one, other})), IsEmpty());
  other.environment.clear();
  EXPECT_THAT(ids_of(examine({one, other})), ElementsAre("env-not-forwarded"));
}

TEST(DoctorBetweenHosts, NcclDiffers) {
  EXPECT_THAT(ids_of(between([](Evidence& host) { host.nccl->version = 22703; })),
              ElementsAre("nccl-version-mismatch"));
  // An engine may bring its own.
  EXPECT_THAT(ids_of(between([](Evidence& host) { host.nccl.reset(); })), IsEmpty());
  const auto findings = between([](Evidence& host) {
    host.nccl->path = "/opt/venv/nvidia/nccl/lib/libnccl.so.2";
    host.nccl->build_id = "1111";
  });
  ASSERT_THAT(ids_of(findings), ElementsAre("nccl-libraries-differ"));
  EXPECT_THAT(findings.front().evidence, HasSubstr("/opt/venv"));
}

TEST(DoctorBetweenHosts, TheSameLibraryInAnotherPlaceIsFine) {
  EXPECT_THAT(ids_of(between([](Evidence& host) { host.nccl->path = "/opt/libnccl.so.2"; })),
              IsEmpty());
}

TEST(DoctorBetweenHosts, RanksOfOneMachine) {
  EXPECT_THAT(ids_of(examine({healthy(1), healthy(1)})), ElementsAre("loopback-on-chip"));
}

TEST(DoctorBetweenHosts, WhatRanksOfOneMachineHaveInCommonIsToldOnce) {
  auto host = healthy(1);
  host.governors = {{"powersave", 20}};
  EXPECT_EQ(std::ranges::count(examine({host, host, host}), "governor-slow", &Finding::id), 1);
  EXPECT_EQ(std::ranges::count(examine({host, host, host}), "loopback-on-chip", &Finding::id), 1);
}

TEST(Doctor, EvidenceTravelsWhole) {
  auto host = healthy(1);
  host.memlock = 12345;
  host.cpu_limit = 1.5;
  host.gpudirect = false;
  host.gpu = "NVIDIA H100";
  host.gpus = {{0, "NVIDIA H100", 12}};
  host.virtual_machine = true;
  host.frequency_driver = "intel_pstate";
  host.nccl_conf = {{"/etc/nccl.conf", "NCCL_DEBUG", "INFO"}};
  host.unseen = {"something"};
  const auto text = to_json_text(host);
  EXPECT_EQ(to_json_text(evidence_from(text)), text);
  EXPECT_EQ(ids_of(examine({evidence_from(text)})), ids_of(examine({host})));
}

TEST(NameListTest, IsReadAsNcclReadsIt) {
  EXPECT_TRUE(NameList("enp").takes("enp1s0"));
  EXPECT_FALSE(NameList("=enp").takes("enp1s0"));
  EXPECT_TRUE(NameList("=enp1s0").takes("enp1s0"));
  EXPECT_FALSE(NameList("^docker,wl").takes("docker0"));
  EXPECT_TRUE(NameList("^docker,wl").takes("enp1s0"));
  EXPECT_TRUE(NameList("^=docker").takes("docker0"));
  EXPECT_TRUE(NameList("mlx5_0:1,mlx5_1:1").takes("mlx5_1", 1));
  EXPECT_FALSE(NameList("mlx5_0:1").takes("mlx5_0", 2));
  EXPECT_TRUE(NameList("").takes("anything"));
  EXPECT_FALSE(NameList("^").takes("anything"));
}

TEST(Reach, EveryCableBetweenTwoMachinesIsTriedInBothDirections) {
  std::vector<std::string> there;
  std::vector<std::string> back;
  for (const auto& way : ways_between({healthy(1), healthy(2)})) {
    (way.from == 0 ? there : back).push_back(way.interface);
    EXPECT_EQ(way.from + way.to, 1);
    EXPECT_NE(way.from_address, way.to_address);
  }
  EXPECT_THAT(there, UnorderedElementsAre("enp1s0f0np0", "enP2p1s0f0np0", "enP7s7"));
  EXPECT_THAT(back, UnorderedElementsAreArray(there));
}

TEST(Reach, OneRankSpeaksForItsMachine) {
  const auto ways = ways_between({healthy(1), healthy(1), healthy(2), healthy(2)});
  EXPECT_THAT(ways, SizeIs(6));
  EXPECT_THAT(ways, Each(AnyOf(AllOf(Field(&Way::from, 0), Field(&Way::to, 2)),
                               AllOf(Field(&Way::from, 2), Field(&Way::to, 0)))));
}

TEST(Reach, OneMachineHasNoWayToItself) {
  EXPECT_THAT(ways_between({healthy(1), healthy(1)}), IsEmpty());
  EXPECT_THAT(ways_between({healthy(1)}), IsEmpty());
}

TEST(Reach, InterfacesThatAreDownAreNotTried) {
  auto other = healthy(2);
  for (auto& interface : other.interfaces) interface.up = interface.name == "enP7s7";
  EXPECT_THAT(ways_between({healthy(1), other}), Each(Field(&Way::interface, "enP7s7")));
}

TEST(Reach, WhereNobodyKnowsWhichCableNothingIsTried) {
  auto one = healthy(1);
  auto other = healthy(2);
  for (auto* host : {&one, &other}) {
    for (auto& interface : host->interfaces) interface.up = interface.name == "enP7s7";
    host->interfaces.push_back({"usb0", true, false, true, 1500, {{"usb0", 0xa9fe0001, 16}}});
  }
  EXPECT_THAT(ways_between({one, other}), Each(Field(&Way::interface, "enP7s7")));
  one.interfaces.push_back({"eth1", true, false, true, 1500, {{"eth1", 0x0a000063, 24}}});
  EXPECT_THAT(ways_between({one, other}), IsEmpty());  // two of its interfaces in one subnet
}

TEST(Reach, WhatDoesNotComeThroughIsAFirewall) {
  auto host = healthy(1);
  host.unreached.push_back({"enP7s7", "10.0.0.2 of rank 1 (spark-2)", "0 of 1 connections"});
  const auto findings = examine({host, healthy(2)});
  ASSERT_THAT(ids_of(findings), ElementsAre("firewall"));
  EXPECT_EQ(findings.front().evidence,
            "enP7s7 of rank 0 (spark-1) does not reach 10.0.0.2 of rank 1 (spark-2): 0 of 1 "
            "connections");
}

}  // namespace
}  // namespace wiretax::doctor
