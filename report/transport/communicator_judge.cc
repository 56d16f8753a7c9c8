#include "report/transport/communicator_judge.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "report/transport/networks.h"

namespace wiretax {
namespace {

constexpr std::size_t kMostProof = 6;
constexpr std::size_t kMostNamed = 8;

/// What the ranks of a communicator have said, taken together.
struct Picture {
  std::map<std::string, std::vector<Evidence>> networks;  // by name, a line for each rank
  std::map<std::string, std::vector<Evidence>> nets;      // "NET/IB": channels between hosts
  std::map<std::string, std::vector<Evidence>> locals;    // "P2P/CUMEM", "SHM"
  std::set<Carrier> carriers;                             // of nets
  std::set<Carrier> chosen;                               // of networks
  std::set<std::string> hosts;
  std::size_t channels = 0;  // between hosts, both directions counted
  std::size_t silent = 0;    // ranks without network and channels
  std::vector<int> missing;
  std::size_t unproven = 0;  // ranks that name a network, but no channel between hosts
  int nodes = 0;
  bool connected = false;
  bool complete = false;
  bool mnnvl = false;
  bool failed = false;
};

std::string provider_of(const Membership& membership, const std::vector<Process>& processes) {
  return processes[membership.process].provider;
}

void add_channels(const Membership& membership, const std::vector<Process>& processes,
                  Picture& picture) {
  for (const auto& [kind, use] : membership.channels) {
    auto& lines = (kind.is_net() ? picture.nets : picture.locals)[kind.transport];
    if (lines.size() < kMostProof) lines.push_back(use.first);
    if (!kind.is_net()) continue;
    picture.channels += use.channels.size();
    picture.carriers.insert(
        carrier_of(kind.transport.substr(4), provider_of(membership, processes)));
  }
}

void add_member(const Membership& membership, const std::vector<Process>& processes,
                Picture& picture) {
  const auto& process = processes[membership.process];
  picture.hosts.insert(process.host);
  picture.nodes = std::max(picture.nodes, membership.nodes);
  picture.connected = picture.connected || membership.connected;
  picture.complete = picture.complete || membership.complete;
  picture.mnnvl = picture.mnnvl || membership.mnnvl;
  picture.failed = picture.failed || !process.failures.empty() ||
                   process.signs.contains(Sign::kVersionsDiffer) ||
                   process.signs.contains(Sign::kIbRequired);
  if (membership.network) {
    auto& lines = picture.networks[membership.network->name];
    if (lines.size() < kMostProof) lines.push_back(membership.network->line);
    picture.chosen.insert(carrier_of(membership.network->name, process.provider));
  } else if (membership.channels.empty()) {
    ++picture.silent;
  }
  add_channels(membership, processes, picture);
}

Picture picture_of(const Communicator& communicator, const std::vector<Process>& processes,
                   const std::vector<Membership>& memberships) {
  Picture picture;
  for (const auto index : communicator.members) add_member(memberships[index], processes, picture);
  picture.missing = missing_ranks(communicator, memberships);
  return picture;
}

/// A line of each name, then a second one of each.
std::vector<Evidence> proof_of(const std::map<std::string, std::vector<Evidence>>& lines) {
  std::vector<Evidence> proof;
  for (std::size_t i = 0; i < kMostProof; ++i) {
    for (const auto& [name, some] : lines) {
      if (i < some.size()) proof.push_back(some[i]);
    }
  }
  return proof;
}

std::string names_of(const std::map<std::string, std::vector<Evidence>>& lines) {
  std::vector<std::string> names;
  names.reserve(lines.size());
  for (const auto& [name, some] : lines) names.push_back(name);
  return fmt::format("{}", fmt::join(names, " and "));
}

std::string missing_text(const Picture& picture) {
  const auto shown = std::min(picture.missing.size(), kMostNamed);
  const std::vector<int> first(picture.missing.begin(),
                               picture.missing.begin() + static_cast<std::ptrdiff_t>(shown));
  return fmt::format("no line is there of rank{} {}{}", picture.missing.size() == 1 ? "" : "s",
                     fmt::join(first, ", "), picture.missing.size() > shown ? " and more" : "");
}

/// The lines of the network, one each; then those of the channels, of which one is always there.
std::vector<Evidence> whole_proof(const Picture& picture) {
  auto proof = proof_of(picture.networks);
  const auto channels = proof_of(picture.nets);
  if (!channels.empty() && proof.size() >= kMostProof) proof.resize(kMostProof - 1);
  proof.insert(proof.end(), channels.begin(), channels.end());
  return proof;
}

bool has_carrier(const Picture& picture, Carrier carrier) {
  return picture.carriers.contains(carrier);
}

/// IB and IBext understand each other, and both are RDMA.
bool networks_differ(const Picture& picture) {
  return picture.networks.size() > 1 &&
         (picture.chosen.size() > 1 || picture.chosen.contains(Carrier::kUnknown));
}

Conclusion conclude(Transport transport, std::string because, std::vector<Evidence> proof) {
  return {transport, std::move(because), std::move(proof)};
}

Conclusion judge_rdma(const Picture& picture) {
  const auto names = names_of(picture.nets);
  if (picture.failed) {
    return conclude(
        Transport::kInconclusive,
        fmt::format("{} was chosen, but it failed: nothing shows that it carried data", names),
        whole_proof(picture));
  }
  if (!picture.missing.empty()) {
    return conclude(
        Transport::kInconclusive,
        fmt::format("the channels that are there use {}, but {}", names, missing_text(picture)),
        whole_proof(picture));
  }
  if (picture.silent > 0) {
    return conclude(
        Transport::kInconclusive,
        fmt::format("the channels that are there use {}, but {} of the ranks say nothing "
                    "about their network",
                    names, picture.silent),
        whole_proof(picture));
  }
  if (!picture.connected && !picture.complete) {
    return conclude(
        Transport::kInconclusive,
        fmt::format("the channels use {}, but set-up did not finish: it hung, or the log is cut "
                    "or an excerpt",
                    names),
        whole_proof(picture));
  }
  return conclude(Transport::kRdma, fmt::format("all channels between hosts go over {}", names),
                  whole_proof(picture));
}

/// There are channels over a network.
Conclusion judge_nets(const Picture& picture) {
  if (has_carrier(picture, Carrier::kRdma) && has_carrier(picture, Carrier::kSocket)) {
    return conclude(Transport::kMixed,
                    fmt::format("channels between hosts go over {}", names_of(picture.nets)),
                    whole_proof(picture));
  }
  if (has_carrier(picture, Carrier::kSocket)) {
    return conclude(Transport::kSocket, "the channels between hosts go over sockets (TCP)",
                    whole_proof(picture));
  }
  if (has_carrier(picture, Carrier::kUnknown)) {
    return conclude(
        Transport::kInconclusive,
        fmt::format("the plug-in behind {} does not say what carries it", names_of(picture.nets)),
        whole_proof(picture));
  }
  return judge_rdma(picture);
}

bool spans_hosts(const Picture& picture) {
  return !picture.nets.empty() || picture.nodes > 1 || picture.hosts.size() > 1;
}

/// No channel between hosts is in the log.
Conclusion judge_networks(const Picture& picture) {
  const auto proof = proof_of(picture.networks);
  if (picture.networks.empty()) {
    return conclude(Transport::kInconclusive,
                    "no rank says which network it uses, and no channel between hosts is there; "
                    "NCCL_DEBUG_SUBSYS must not leave out INIT",
                    proof);
  }
  if (!spans_hosts(picture)) {
    return conclude(
        Transport::kInconclusive,
        fmt::format("{} was chosen, but no channel is in the log, and nothing shows that "
                    "data goes between hosts",
                    names_of(picture.networks)),
        proof);
  }
  if (picture.networks.contains("Socket")) {
    return conclude(Transport::kSocket, "sockets (TCP) were chosen for what goes between hosts",
                    proof);
  }
  return conclude(Transport::kInconclusive,
                  fmt::format("{} was chosen, but no channel between hosts is in the log",
                              names_of(picture.networks)),
                  proof);
}

Conclusion judge_local(const Picture& picture, const Communicator& communicator) {
  const auto proof = proof_of(picture.locals);
  const bool one_host = picture.nodes == 1 || (picture.hosts.size() == 1 && picture.connected);
  if (!picture.missing.empty() || (!one_host && !picture.mnnvl)) {
    const auto open = picture.missing.empty() ? std::string("the log ends before all is connected")
                                              : missing_text(picture);
    return conclude(
        Transport::kInconclusive,
        fmt::format("the channels that are there use {}, but {}", names_of(picture.locals), open),
        proof);
  }
  const bool shared_memory = picture.locals.contains("SHM");
  const bool between = picture.mnnvl && picture.nodes > 1;
  return conclude(
      shared_memory ? Transport::kShm : Transport::kP2p,
      fmt::format("{} rank{} {}, over {}",
                  communicator.ranks == 0 ? communicator.members.size()
                                          : static_cast<std::size_t>(communicator.ranks),
                  communicator.members.size() == 1 ? "" : "s",
                  between ? "reach each other through NVLink between hosts" : "are on one host",
                  names_of(picture.locals)),
      proof);
}

Conclusion judge_picture(const Picture& picture, const Communicator& communicator) {
  if (networks_differ(picture) && spans_hosts(picture)) {
    return conclude(Transport::kMixed, fmt::format("some ranks use {}", names_of(picture.networks)),
                    whole_proof(picture));
  }
  if (!picture.nets.empty()) return judge_nets(picture);
  if (!picture.locals.empty() && (picture.nodes <= 1 || picture.mnnvl)) {
    return judge_local(picture, communicator);
  }
  if (communicator.ranks == 1) {
    return conclude(Transport::kInconclusive, "a communicator of one rank moves nothing", {});
  }
  return judge_networks(picture);
}

}  // namespace

CommunicatorReport judge_communicator(Communicator communicator,
                                      const std::vector<Process>& processes,
                                      const std::vector<Membership>& memberships) {
  const auto picture = picture_of(communicator, processes, memberships);
  CommunicatorReport report;
  report.conclusion = judge_picture(picture, communicator);
  report.idle = picture.nets.empty() && picture.locals.empty() && !picture.failed;
  auto& proof = report.conclusion.proof;
  if (proof.size() > kMostProof) proof.resize(kMostProof);
  report.communicator = std::move(communicator);
  return report;
}

}  // namespace wiretax
