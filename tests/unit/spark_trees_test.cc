// Sparks as their owners have them: addresses, twins, partners and the bound of each, on both hosts
// alike.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <ostream>

#include "sysfs_tree.h"
#include "verbs/bound.h"
#include "verbs/pairing.h"
#include "verbs/port.h"

namespace wiretax::verbs {
namespace {

using Functions = std::vector<Function>;

struct Tree {
  std::string name;
  std::function<void(Functions&)> change;  // of a Spark with a cable in both cages
  int path_mtu = 4096;
  std::string expected;
};

void PrintTo(const Tree& tree, std::ostream* out) { *out << tree.name; }

void with_one_cable(Functions& functions) { unplug(functions, "p1"); }

std::string gids_text(const std::vector<Port>& ports) {
  std::string text;
  for (const auto& port : ports) {
    const auto choice = choose_gid(port.gids, port.netdev, port.ethernet());
    text += fmt::format("{} gid {}{}\n", port.name(), choice.gid ? choice.gid->index : -1,
                        choice.doubt.empty() ? "" : " doubtful");
  }
  return text;
}

std::string twins_text(const std::vector<Port>& ports) {
  std::string text;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    for (std::size_t k = i + 1; k < ports.size(); ++k) {
      if (ports[i].cage() != ports[k].cage()) continue;
      text += fmt::format("twins {} {}\n", ports[i].name(), ports[k].name());
    }
  }
  return text;
}

std::string links_text(const std::vector<Port>& mine, const std::vector<Port>& theirs) {
  std::string text;
  for (const auto& link : pair_ports(mine, theirs)) {
    text += fmt::format("{} to {}{}\n", mine[link.mine].name(), theirs[link.theirs].name(),
                        link.doubt.empty() ? "" : " doubtful");
  }
  return text;
}

std::string description_of(const Tree& tree) {
  const auto host = [&](int number) {
    auto functions = spark(number);
    tree.change(functions);
    auto ports = ports_of(functions);
    std::erase_if(ports, [](const Port& port) { return !port.active(); });
    return ports;
  };
  const auto mine = host(1);
  const auto theirs = host(2);
  const auto bound = path_bound(mine, theirs, mtu_efficiency(tree.path_mtu));
  return gids_text(mine) + twins_text(mine) + links_text(mine, theirs) +
         (bound ? fmt::format("{:.1f} Gb/s by {}\n", bound->bytes_per_s * 8e-9, bound->limit)
                : "no bound\n");
}

class SparkTrees : public testing::TestWithParam<Tree> {};

TEST_P(SparkTrees, AreUnderstood) { EXPECT_EQ(description_of(GetParam()), GetParam().expected); }

constexpr const char* kTwins = "twins roceP2p1s0f0 rocep1s0f0\n";
constexpr const char* kGids = "roceP2p1s0f0 gid 3\nrocep1s0f0 gid 3\n";
constexpr const char* kLinks = "roceP2p1s0f0 to roceP2p1s0f0\nrocep1s0f0 to rocep1s0f0\n";
constexpr const char* kDoubtfulLinks =
    "roceP2p1s0f0 to roceP2p1s0f0 doubtful\nrocep1s0f0 to rocep1s0f0 doubtful\n";

const std::vector<Tree> kTrees = {
    {.name = "OneCable",
     .change = with_one_cable,
     .expected = fmt::format("{}{}{}196.1 Gb/s by cage p0\n", kGids, kTwins, kLinks)},
    {.name = "TwoCables",
     .change = [](Functions&) {},
     .expected = "roceP2p1s0f0 gid 3\nroceP2p1s0f1 gid 3\nrocep1s0f0 gid 3\nrocep1s0f1 gid 3\n"
                 "twins roceP2p1s0f0 rocep1s0f0\ntwins roceP2p1s0f1 rocep1s0f1\n"
                 "roceP2p1s0f0 to roceP2p1s0f0\nroceP2p1s0f1 to roceP2p1s0f1\n"
                 "rocep1s0f0 to rocep1s0f0\nrocep1s0f1 to rocep1s0f1\n"
                 "247.1 Gb/s by PCIe 0000:01:00 Gen5 x4 + PCIe 0002:01:00 Gen5 x4\n"},
    // ASUS GX10 with an early BIOS.
    {.name = "RootPortOfTwoLanes",
     .change =
         [](Functions& functions) {
           with_one_cable(functions);
           functions[2].width = functions[3].width = "2";
         },
     .expected =
         fmt::format("{}{}{}185.3 Gb/s by PCIe 0000:01:00 Gen5 x4 + PCIe 0002:01:00 Gen5 x2\n",
                     kGids, kTwins, kLinks)},
    {.name = "NoCable",
     .change =
         [](Functions& functions) {
           with_one_cable(functions);
           unplug(functions, "p0");
         },
     .expected = "no bound\n"},
    // One address for both, which belongs to the bond.
    {.name = "Bond",
     .change =
         [](Functions& functions) {
           with_one_cable(functions);
           for (auto& function : functions) function.bond = "bond0";
           functions[2].ipv4 = functions[0].ipv4;
         },
     .expected = fmt::format("roceP2p1s0f0 gid 3 doubtful\nrocep1s0f0 gid 3 doubtful\n{}{}196.1 "
                             "Gb/s by cage p0\n",
                             kTwins, kDoubtfulLinks)},
    {.name = "MtuOf1500",
     .change =
         [](Functions& functions) {
           with_one_cable(functions);
           for (auto& function : functions) function.mtu = "1500";
         },
     .path_mtu = 1024,
     .expected = fmt::format("{}{}{}185.2 Gb/s by cage p0\n", kGids, kTwins, kLinks)},
    {.name = "TwinWithoutIpv4",
     .change =
         [](Functions& functions) {
           with_one_cable(functions);
           functions[2].ipv4.clear();
         },
     .expected = fmt::format("roceP2p1s0f0 gid 1 doubtful\nrocep1s0f0 gid 3\n{}roceP2p1s0f0 to "
                             "roceP2p1s0f0 doubtful\nrocep1s0f0 to rocep1s0f0\n196.1 Gb/s by cage "
                             "p0\n",
                             kTwins)},
    {.name = "BothTwinsInOneSubnet",
     .change =
         [](Functions& functions) {
           with_one_cable(functions);
           functions[2].ipv4 = functions[0].ipv4 + "1";  // .1 and .11, .2 and .21
         },
     .expected = fmt::format("{}{}{}196.1 Gb/s by cage p0\n", kGids, kTwins, kDoubtfulLinks)},
    // As NetworkManager gives them where nobody did.
    {.name = "LinkLocalOnly",
     .change =
         [](Functions& functions) {
           with_one_cable(functions);
           for (auto& function : functions) {
             if (function.ipv4.empty()) continue;
             function.ipv4.replace(0, std::string("192.168").size(), "169.254");
             function.prefix_length = 16;
           }
         },
     .expected = fmt::format("{}{}{}196.1 Gb/s by cage p0\n", kGids, kTwins, kDoubtfulLinks)},
    {.name = "NamesInAContainer",
     .change =
         [](Functions& functions) {
           with_one_cable(functions);
           for (std::size_t i = 0; i < functions.size(); ++i) {
             functions[i].device = fmt::format("mlx5_{}", i);
           }
         },
     .expected = "mlx5_0 gid 3\nmlx5_2 gid 3\ntwins mlx5_0 mlx5_2\nmlx5_0 to mlx5_0\nmlx5_2 to "
                 "mlx5_2\n196.1 Gb/s by cage p0\n"},
};

INSTANTIATE_TEST_SUITE_P(All, SparkTrees, testing::ValuesIn(kTrees),
                         [](const auto& tree) { return tree.param.name; });

}  // namespace
}  // namespace wiretax::verbs
