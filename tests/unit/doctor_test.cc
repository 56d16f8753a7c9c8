// Every check of the doctor on hosts that make it fire, and on healthy ones that keep it quiet.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <ostream>

#include "bench/doctor/finding.h"
#include "bench/doctor/name_list.h"
#include "report/units.h"
#include "sysfs_tree.h"

namespace wiretax::doctor {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
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
  host.interfaces.push_back({"enP7s7", true, false, true, 1500, {{"enP7s7", 0x0a000001, 24}}});
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
             "4 network functions of vendor 15b3 on PCI, 3 RDMA devices"},
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
        Case{"switch-at-100g",
             [] {
               return with_functions([](Functions& functions) {
                 named(functions, "rocep1s0f0").rate = "100 Gb/sec (2X HDR)";
               });
             },
             "rocep1s0f0 runs at 100 Gb/s"},
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
             "rocep1s0f0 and rocep1s0f1 share the PCIe link 0000:01:00"}));

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
        Case{"memory-exhausted",
             [] {
               return with([](Evidence& host) { host.memory["MemAvailable"] = 100 * kMebibyte; });
             },
             "100 MiB of memory are available"},
        Case{"clocksource-slow",
             [] { return with([](Evidence& host) { host.clocksource = "hpet"; }); }, "hpet"},
        Case{"governor-slow",
             [] { return with([](Evidence& host) { host.governors["powersave"] = 10; }); },
             "10 cores have the governor powersave"},
        Case{"cpu-quota", [] { return with([](Evidence& host) { host.cpu_limit = 1.5; }); },
             "limited to 1.5 cores"},
        Case{"gdr-zero", [] { return with([](Evidence& host) { host.gpudirect = false; }); },
             "no GPUDirect RDMA"},
        Case{"nvlink-down",
             [] {
               return with([](Evidence& host) {
                 host.gpus = {{"0: NVIDIA H100", 18, 0}, {"1: NVIDIA H100", 12, 6}};
               });
             },
             "GPU 1: NVIDIA H100: 6 of 18 NVLinks are inactive"}));

INSTANTIATE_TEST_SUITE_P(
    Nccl, OneHost,
    testing::Values(
        set("ib-disabled", "NCCL_IB_DISABLE", "1", "NCCL_IB_DISABLE=1 in the environment",
            "unset NCCL_IB_DISABLE"),
        set("net-forced-socket", "NCCL_NET", "Socket", "NCCL_NET=Socket in the environment"),
        set("hca-filter", "NCCL_IB_HCA", "mlx5_0",
            "the devices here are roceP2p1s0f0, roceP2p1s0f1, rocep1s0f0"),
        set("one-half-only", "NCCL_IB_HCA", "=rocep1s0f0", "leaves out roceP2p1s0f0",
            "NCCL_IB_HCA=rocep1s0f0,roceP2p1s0f0"),
        set("no-ip-interface", "NCCL_SOCKET_IFNAME", "eth0", "no interface of such a name"),
        set("wrong-interface", "NCCL_SOCKET_IFNAME", "=wlP9s9", "which is wlP9s9"),
        set("wrong-interface", "NCCL_SOCKET_IFNAME", "docker", "which is docker0"),
        set("gid-index-empty", "NCCL_IB_GID_INDEX", "9", "roceP2p1s0f0 has no GID at that index"),
        set("gid-link-local", "NCCL_IB_GID_INDEX", "1", "which is not RoCE v2 of an IPv4 address"),
        set("gid-link-local", "NCCL_IB_GID_INDEX", "2", "which is not RoCE v2 of an IPv4 address"),
        set("subnet-aware-unknown", "NCCL_IB_SUBNET_AWARE_ROUTING", "1",
            "NCCL is of version 22809"),
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
             "/etc/nccl.conf sets NCCL_DEBUG", "delete /etc/nccl.conf"}));

TEST(Doctor, TheOtherWayKeepsEachQuiet) {
  const auto quiet = [](const char* name, const char* value) {
    EXPECT_THAT(ids_of(examine({with([&](Evidence& host) { host.environment[name] = value; })})),
                IsEmpty())
        << name << '=' << value;
  };
  quiet("NCCL_IB_DISABLE", "0");
  quiet("NCCL_NET", "IB");
  quiet("NCCL_IB_HCA", "rocep1s0f0,roceP2p1s0f0");
  quiet("NCCL_IB_HCA", "roce");
  quiet("NCCL_IB_HCA", "^mlx5");
  quiet("NCCL_SOCKET_IFNAME", "enp1s0f0");
  quiet("NCCL_SOCKET_IFNAME", "^docker,wl");
  quiet("NCCL_IB_GID_INDEX", "3");
  quiet("NCCL_IB_GID_INDEX", "-1");
  quiet("NCCL_IB_SUBNET_AWARE_ROUTING", "0");
}

TEST(Doctor, AFileSetsWhatTheEnvironmentDoesNot) {
  const auto ids = ids_of(examine({with([](Evidence& host) {
    host.nccl_conf = {{"/etc/nccl.conf", "NCCL_IB_DISABLE", "1"}};
  })}));
  EXPECT_THAT(ids, ElementsAre("ib-disabled", "leftover-nccl-conf"));
  EXPECT_THAT(ids_of(examine({with([](Evidence& host) {
                host.environment["NCCL_IB_DISABLE"] = "0";
                host.nccl_conf = {{"/etc/nccl.conf", "NCCL_IB_DISABLE", "1"}};
              })})),
              ElementsAre("leftover-nccl-conf"));
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

TEST(DoctorBetweenHosts, BuildsDiffer) {
  const auto findings = between([](Evidence& host) { host.build_id = "ffff"; });
  ASSERT_THAT(ids_of(findings), ElementsAre("builds-differ"));
  EXPECT_EQ(findings.front().fix, "./scripts/deploy spark-2");
}

TEST(DoctorBetweenHosts, AVariableOfOneRank) {
  const auto findings = between([](Evidence& host) { host.environment["NCCL_DEBUG"] = "INFO"; });
  ASSERT_THAT(ids_of(findings), ElementsAre("env-not-forwarded"));
  EXPECT_EQ(findings.front().evidence,
            "NCCL_DEBUG: none at rank 0 (spark-1); INFO at rank 1 (spark-2)");
  EXPECT_THAT(findings.front().fix, HasSubstr("mpirun -x NCCL_DEBUG"));
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
  EXPECT_THAT(ids_of(between([](Evidence& host) { host.nccl.reset(); })),
              ElementsAre("nccl-version-mismatch"));
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

TEST(Doctor, EvidenceTravelsWhole) {
  auto host = healthy(1);
  host.memlock = 12345;
  host.cpu_limit = 1.5;
  host.gpudirect = false;
  host.gpus = {{"0: NVIDIA H100", 12, 6}};
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
}

}  // namespace
}  // namespace wiretax::doctor
