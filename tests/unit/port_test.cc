// What a host has for RDMA, read from sysfs: ports, addresses, partners, bounds.

#include "verbs/port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "sysfs_tree.h"
#include "verbs/bound.h"
#include "verbs/pairing.h"

namespace wiretax::verbs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr double kGigabit = 1e9 / 8;

std::vector<std::string> names(const std::vector<Port>& ports) {
  std::vector<std::string> all;
  all.reserve(ports.size());
  for (const auto& port : ports) all.push_back(port.name());
  return all;
}

std::vector<Port> active(std::vector<Port> ports) {
  std::erase_if(ports, [](const Port& port) { return !port.active(); });
  return ports;
}

/// "rocep1s0f0-rocep1s0f0", in the order of this host's ports.
std::vector<std::string> pairs(const std::vector<Port>& mine, const std::vector<Port>& theirs) {
  std::vector<std::string> found;
  for (const auto& link : pair_ports(mine, theirs)) {
    found.push_back(mine[link.mine].name() + "-" + theirs[link.theirs].name());
  }
  return found;
}

std::vector<Function> one_cable(int host) {
  auto functions = spark(host);
  unplug(functions, "p1");
  return functions;
}

TEST(Ports, AHealthySparkWithOneCable) {
  const auto ports = ports_of(one_cable(1));
  EXPECT_THAT(names(ports),
              ElementsAre("roceP2p1s0f0", "roceP2p1s0f1", "rocep1s0f0", "rocep1s0f1"));
  EXPECT_THAT(names(active(ports)), ElementsAre("roceP2p1s0f0", "rocep1s0f0"));
  const auto& port = ports[2];
  EXPECT_EQ(port.netdev, "enp1s0f0np0");
  EXPECT_EQ(port.pci->text(), "0000:01:00.0");
  EXPECT_EQ(port.pcie->text(), "Gen5 x4");
  EXPECT_EQ(port.pcie_possible->text(), "Gen5 x16");
  EXPECT_EQ(port.netdev_mtu, 9000);
  EXPECT_EQ(port.phys_port_name, "p0");
  EXPECT_EQ(port.firmware, "28.45.4028");
  EXPECT_DOUBLE_EQ(port.rate_bytes_per_s, 200 * kGigabit);
  EXPECT_THAT(port.gids, SizeIs(4));
  EXPECT_FALSE(port.emulated());
}

TEST(Ports, TwinsAreTwoFunctionsOfOneCage) {
  const auto ports = ports_of(spark(1));
  EXPECT_EQ(ports[0].cage(), ports[2].cage());  // roceP2p1s0f0, rocep1s0f0
  EXPECT_NE(ports[0].cage(), ports[1].cage());
}

TEST(Ports, WithoutACableTheFunctionsVanish) {
  EXPECT_THAT(ports_of({}), IsEmpty());
  EXPECT_THAT(find_ports({}, "/no/such/sysfs"), IsEmpty());
}

TEST(Ports, NamesInAContainerSayNothing) {
  auto functions = one_cable(1);
  for (std::size_t i = 0; i < functions.size(); ++i) {
    functions[i].device = fmt::format("mlx5_{}", i);
  }
  const auto here = ports_of(functions);
  EXPECT_THAT(names(active(here)), ElementsAre("mlx5_0", "mlx5_2"));
  EXPECT_THAT(pairs(here, ports_of(one_cable(2))),
              ElementsAre("mlx5_0-rocep1s0f0", "mlx5_2-roceP2p1s0f0"));
}

TEST(Ports, ABondOwnsTheAddresses) {
  auto functions = one_cable(1);
  for (auto& function : functions) function.bond = "bond0";
  const auto ports = active(ports_of(functions));
  EXPECT_EQ(ports[1].netdev, "enp1s0f0np0");
  EXPECT_EQ(ports[1].bond, "bond0");
  const auto choice = choose_gid(ports[1].gids, ports[1].netdev, true);
  EXPECT_THAT(choice.doubt, HasSubstr("belongs to bond0, not to enp1s0f0np0"));
}

TEST(Ports, ABridgeIsNoBondAndOwnsTheAddresses) {
  SysfsTree tree;
  auto function = spark(1)[0];
  function.bond = "br0";
  tree.add(function);
  std::filesystem::remove(tree.root() / "class/net/br0/bonding");
  const auto ports = find_ports(networks_of({function}), tree.root());
  EXPECT_EQ(ports[0].bond, "");
  EXPECT_THAT(ports[0].networks, SizeIs(1));
}

TEST(Ports, SoftRoceHasAnInterfaceAndNoHardware) {
  const auto ports = ports_of({{"rxe0", "eth1", "", "", "10.0.1.1"}});
  EXPECT_EQ(ports[0].netdev, "eth1");
  EXPECT_TRUE(ports[0].emulated());
  EXPECT_EQ(ports[0].cage(), "rxe0");
  EXPECT_FALSE(bound_of(ports, 1).has_value());
}

TEST(Ports, OfSeveralInterfacesOfAFunctionTheOneWithThePortsNumber) {
  SysfsTree tree;
  tree.add(spark(1)[0]);
  tree.write("devices/pci/0000:01:00.0/net/aaa/dev_port", "1");
  tree.write("devices/pci/0000:01:00.0/net/enp1s0f0np0/dev_port", "0");
  EXPECT_EQ(find_ports({}, tree.root())[0].netdev, "enp1s0f0np0");
}

TEST(Ports, PciAddressesAndLinks) {
  EXPECT_EQ(parse_pci("0002:01:00.1")->text(), "0002:01:00.1");
  EXPECT_EQ(parse_pci("0002:01:00.1")->slot(), "0002:01:00");
  EXPECT_FALSE(parse_pci("virtio3").has_value());
  EXPECT_FALSE(parse_pci("0002:01:00.1x").has_value());
  EXPECT_NEAR((PcieLink{32, 4}.bytes_per_s()), 126.03 * kGigabit, 0.01 * kGigabit);
  EXPECT_NEAR((PcieLink{5, 8}.bytes_per_s()), 32 * kGigabit, 1);
  EXPECT_EQ((PcieLink{2.5, 1}.text()), "Gen1 x1");
  EXPECT_EQ((PcieLink{12, 1}.text()), "12 GT/s x1");
}

TEST(ChoosingAGid, ByContentAndNotByIndex) {
  auto ports = active(ports_of(one_cable(1)));
  auto gids = ports[1].gids;
  EXPECT_EQ(choose_gid(gids, "enp1s0f0np0", true).gid->index, 3);
  std::ranges::reverse(gids);
  for (std::size_t i = 0; i < gids.size(); ++i) gids[i].index = static_cast<int>(i);
  const auto choice = choose_gid(gids, "enp1s0f0np0", true);
  EXPECT_EQ(choice.gid->index, 0);
  EXPECT_EQ(format_ipv4(*choice.gid->ipv4()), "192.168.177.1");
  EXPECT_EQ(choice.doubt, "");
}

TEST(ChoosingAGid, ATwinWithoutAnIpv4AddressIsUsedAndDoubted) {
  auto functions = one_cable(1);
  functions[2].ipv4.clear();
  const auto ports = active(ports_of(functions));
  const auto choice = choose_gid(ports[0].gids, ports[0].netdev, true);
  EXPECT_TRUE(choice.gid->link_local());
  EXPECT_EQ(choice.gid->type, GidType::kRoceV2);
  EXPECT_EQ(choice.doubt,
            "no GID of RoCE v2 maps an IPv4 address: sudo ip address add ADDRESS/24 dev "
            "enP2p1s0f0np0");
}

TEST(ChoosingAGid, WithoutAnIpv4AddressAtTheOtherEndNoneIsUsed) {
  const auto ports = active(ports_of(one_cable(1)));
  const auto choice = choose_gid(ports[0].gids, ports[0].netdev, true, std::nullopt);
  EXPECT_TRUE(choice.gid->link_local());
}

TEST(ChoosingAGid, WithoutRoceV2OrWithoutAny) {
  auto gids = ports_of(one_cable(1))[0].gids;
  EXPECT_EQ(choose_gid({}, "eth0", true).reason,
            "its table of GIDs is empty: sudo ip link set eth0 up, and sudo ip address add "
            "ADDRESS/24 dev eth0");
  std::erase_if(gids, [](const Gid& gid) { return gid.type == GidType::kRoceV2; });
  EXPECT_EQ(choose_gid(gids, "eth0", true).reason,
            "it has no GID of RoCE v2: sudo ip address add ADDRESS/24 dev eth0");
  gids = {{.index = 0,
           .raw = *parse_gid(SysfsTree::mapped("10.0.0.1")),
           .type = GidType::kRoceV2,
           .netdev = "eth0"}};
  EXPECT_THAT(choose_gid(gids, "", true, std::nullopt).reason,
              HasSubstr("the other end has no IPv4 address"));
  EXPECT_TRUE(choose_gid(gids, "", false).gid.has_value());  // InfiniBand
}

/// As NVIDIA's netplan gives them: a link-local address beside the user's own.
TEST(Pairing, OfTwoAddressesTheOnesInOneSubnetAreUsed) {
  const auto with_two = [](int host) {
    auto function = spark(host)[0];
    SysfsTree tree;
    tree.add(function);
    tree.add_gid(function, 5, SysfsTree::mapped(fmt::format("169.254.0.{}", host)), "RoCE v2",
                 function.netdev);
    tree.add_gid(function, 6, SysfsTree::mapped(fmt::format("10.0.0.{}", host)), "RoCE v2",
                 function.netdev);
    const auto subnet = [&](std::uint32_t address) {
      return Ipv4Network{function.netdev, address + static_cast<std::uint32_t>(host), 24};
    };
    return find_ports({subnet(0xa9fe0000), subnet(0x0a000000)}, tree.root()).front();
  };
  const auto here = with_two(1);
  auto there = with_two(2);
  const auto common = common_subnet(here, there);
  ASSERT_TRUE(common.has_value());
  EXPECT_EQ(format_ipv4(common->mine), "10.0.0.1");
  EXPECT_EQ(format_ipv4(common->theirs), "10.0.0.2");
  const auto choice = choose_gid(here.gids, here.netdev, true, common->mine);
  EXPECT_EQ(choice.gid->index, 6);
  there.networks.pop_back();
  EXPECT_EQ(format_ipv4(common_subnet(here, there)->theirs), "169.254.0.2");
  there.networks.clear();
  EXPECT_FALSE(common_subnet(here, there).has_value());
}

TEST(Pairing, WhoseSubnetIsCrowdedIsNamed) {
  auto there = one_cable(2);
  there[2].ipv4 = "192.168.177.12";
  const auto links = pair_ports(ports_of({spark(1)[0]}), ports_of(there));
  ASSERT_THAT(links, SizeIs(1));
  EXPECT_THAT(links[0].doubt,
              HasSubstr("the other end of rocep1s0f0, rocep1s0f0, shares its subnet"));
}

TEST(ChoosingAGid, WhatIsNoGid) {
  EXPECT_FALSE(parse_gid("").has_value());
  EXPECT_FALSE(parse_gid("fe80:nonsense").has_value());
}

TEST(Pairing, BySubnetWhateverTheNames) {
  auto crossed = spark(2);
  std::swap(crossed[0].ipv4, crossed[1].ipv4);  // the cable goes from cage 0 to cage 1
  unplug(crossed, "p0");
  crossed[0].ipv4.clear();
  crossed[1].ipv4 = "192.168.177.2";
  crossed[3].ipv4 = "192.168.178.2";
  EXPECT_THAT(pairs(ports_of(one_cable(1)), ports_of(crossed)),
              ElementsAre("roceP2p1s0f0-roceP2p1s0f1", "rocep1s0f0-rocep1s0f1"));
}

TEST(Pairing, ASubnetComesBeforeAPlace) {
  auto here = one_cable(1);
  auto there = one_cable(2);
  const auto subnet = there[0].ipv4;
  here[2].ipv4.clear();  // roceP2p1s0f0, which comes first and has its namesake's place only
  there[0].ipv4.clear();
  there[2].ipv4 = subnet;
  EXPECT_THAT(pairs(ports_of(here), ports_of(there)), ElementsAre("rocep1s0f0-roceP2p1s0f0"));
}

TEST(Pairing, TwoCablesGiveFourLinks) {
  EXPECT_THAT(pairs(ports_of(spark(1)), ports_of(spark(2))), SizeIs(4));
}

TEST(Pairing, BothTwinsInOneSubnetArePairedByPlaceAndDoubted) {
  const auto in_one = [](int host) {
    auto functions = one_cable(host);
    functions[2].ipv4 = fmt::format("192.168.177.{}", host + 10);
    return functions;
  };
  const auto here = ports_of(in_one(1));
  const auto there = ports_of(in_one(2));
  EXPECT_THAT(pairs(here, there),
              ElementsAre("roceP2p1s0f0-roceP2p1s0f0", "rocep1s0f0-rocep1s0f0"));
  for (const auto& link : pair_ports(here, there)) {
    EXPECT_THAT(link.doubt, HasSubstr("shares its subnet with another port of its host"));
  }
}

TEST(Pairing, WithLinkLocalAddressesOnlyByPlace) {
  const auto bare = [](int host) {
    auto functions = one_cable(host);
    for (auto& function : functions) function.ipv4.clear();
    return functions;
  };
  const auto here = ports_of(bare(1));
  const auto links = pair_ports(here, ports_of(bare(2)));
  ASSERT_THAT(links, SizeIs(2));
  EXPECT_EQ(links[0].doubt,
            "roceP2p1s0f0 shares no IPv4 subnet with the other host: paired by its place");
}

TEST(Pairing, PortsThatAreDownAreLeftOut) {
  EXPECT_THAT(pairs(ports_of(one_cable(1)), ports_of(spark(2))), SizeIs(2));
  auto dark = spark(2);
  unplug(dark, "p0");
  unplug(dark, "p1");
  EXPECT_THAT(pairs(ports_of(one_cable(1)), ports_of(dark)), IsEmpty());
}

// RoCE's headers leave 4096 of 4178 bytes.
constexpr double kAt4096 = 4096.0 / 4178;

TEST(Bounds, OneHalfIsLimitedByItsPcieLink) {
  const auto ports = active(ports_of(one_cable(1)));
  const std::vector<Port> half = {ports[1]};
  EXPECT_DOUBLE_EQ(mtu_efficiency(4096), kAt4096);
  const auto bound = bound_of(half, kAt4096);
  EXPECT_NEAR(bound->bytes_per_s, 126.03 * kGigabit * kAt4096, 0.01 * kGigabit);
  EXPECT_EQ(bound->limit, "PCIe 0000:01:00 Gen5 x4");
}

TEST(Bounds, BothHalvesOfOneCableAreLimitedByTheCage) {
  const auto bound = bound_of(active(ports_of(one_cable(1))), kAt4096);
  EXPECT_NEAR(bound->bytes_per_s, 200 * kGigabit * kAt4096, 0.01 * kGigabit);
  EXPECT_EQ(bound->limit, "cage p0");
}

TEST(Bounds, TwoCagesOfOnePcieLinkShareIt) {
  const auto ports = ports_of(spark(1));
  const std::vector<Port> two = {ports[2], ports[3]};  // rocep1s0f0, rocep1s0f1
  EXPECT_NEAR(bound_of(two, kAt4096)->bytes_per_s, 126.03 * kGigabit * kAt4096, 0.01 * kGigabit);
}

TEST(Bounds, ASecondCableAddsNothingForFourFunctions) {
  const auto bound = bound_of(ports_of(spark(1)), kAt4096);
  EXPECT_NEAR(bound->bytes_per_s, 252.06 * kGigabit * kAt4096, 0.02 * kGigabit);
  EXPECT_EQ(bound->limit, "PCIe 0000:01:00 Gen5 x4 + PCIe 0002:01:00 Gen5 x4");
}

TEST(Bounds, ARootPortOfTwoLanesHalvesIts) {
  auto functions = one_cable(1);
  functions[2].width = "2";  // ASUS GX10 with an early BIOS
  const auto ports = active(ports_of(functions));
  const std::vector<Port> half = {ports[0]};
  EXPECT_EQ(bound_of(half, kAt4096)->limit, "PCIe 0002:01:00 Gen5 x2");
  EXPECT_NEAR(bound_of(ports, kAt4096)->bytes_per_s, 189.05 * kGigabit * kAt4096, 0.01 * kGigabit);
}

TEST(Bounds, AnMtuOf1500CostsHeaders) {
  EXPECT_NEAR(mtu_efficiency(1024), .9259, .0001);
  EXPECT_NEAR(mtu_efficiency(2048), .9615, .0001);
  EXPECT_NEAR(mtu_efficiency(4096), .9804, .0001);
}

TEST(Bounds, TheWorseEndCounts) {
  auto slow = one_cable(2);
  slow[0].width = "1";
  const auto here = active(ports_of(one_cable(1)));
  const auto there = active(ports_of(slow));
  const std::vector<Port> mine = {here[1]};
  const std::vector<Port> theirs = {there[1]};
  EXPECT_EQ(path_bound(mine, theirs, kAt4096)->limit, "PCIe 0000:01:00 Gen5 x1");
  EXPECT_EQ(path_bound(theirs, mine, kAt4096)->limit, "PCIe 0000:01:00 Gen5 x1");
}

}  // namespace
}  // namespace wiretax::verbs
