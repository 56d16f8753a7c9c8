// Who is which rank of which communicator, and what connects them.

#include <fmt/format.h>

#include <algorithm>

#include "report/transport/messages.h"

namespace wiretax {
namespace {

constexpr std::size_t kMostTried = 256;  // a process has a few communicators, not thousands
constexpr int kMostRanks = 1 << 24;      // more than any machine has; a damaged number is larger

/// "NET/IB/0(1)/GDRDMA/Shared", "P2P/direct pointer/read", "SHM/direct/direct". Empty transport:
/// not known.
ChannelKind kind_of(std::string_view via) {
  ChannelKind kind;
  Cursor cursor(via);
  if (cursor.skip("NET/")) {
    const auto name = cursor.until("/");
    const auto device = cursor.skip("/") ? cursor.number() : std::nullopt;
    if (!device || name.empty()) return kind;  // cut off
    kind.transport = fmt::format("NET/{}", name);
    kind.device = *device;
    kind.gdr = cursor.rest().find("/GDRDMA") != std::string_view::npos;
  } else if (cursor.skip("P2P/")) {
    kind.transport = fmt::format("P2P/{}", cursor.until("/ "));
  } else if (cursor.skip("SHM")) {
    kind.transport = "SHM";
  }
  return kind;
}

std::optional<int> take_rank(Cursor& cursor) {
  const auto rank = cursor.number();
  if (!rank || *rank < 0 || *rank >= kMostRanks || !cursor.skip("[")) return std::nullopt;
  cursor.until("]");
  return cursor.skip("]") ? rank : std::nullopt;
}

std::optional<int> number_behind(std::string_view text, std::string_view label) {
  Cursor cursor(text);
  if (!cursor.skip_past(label)) return std::nullopt;
  const auto number = cursor.number();
  const bool ends = cursor.rest().empty() || !cursor.rest().starts_with(' ');
  return ends ? std::nullopt : number;  // the last number of a line may be cut off
}

}  // namespace

/// "Channel 00/0 : 0[0] -> 1[1] [send] via NET/IB/0". Rings ("Channel 00/02 : 0 1") are passed
/// over.
void Messages::take_channel(Cursor text) {
  const auto channel = text.number();
  if (text.skip("/")) text.number();
  if (!channel || !text.skip(" : ")) return;
  const auto from = take_rank(text);
  const auto to = from && text.skip(" -> ") ? take_rank(text) : std::nullopt;
  if (!to) return;
  const bool receives = text.skip(" [receive]");
  text.skip(" [send]");
  if (!text.skip(" via ")) return;
  auto kind = kind_of(text.rest());
  if (kind.transport.empty()) return;
  kind.peer = receives ? *from : *to;
  auto& membership = log_.memberships_[membership_with(receives ? *to : *from, kind.peer)];
  auto [found, added] = membership.channels.try_emplace(kind);
  if (added) found->second.first = log_.evidence();
  found->second.channels.insert(*channel);
  (receives ? found->second.receives : found->second.sends) = true;
}

/// "[Rank 0] ncclCommInitRank comm 0x5 rank 0 nranks 2 ... commId 0x1 - Init START", and since 2.20
/// "comm 0x5 rank 0 nRanks 2 nNodes 2 localRanks 1 localRank 0 MNNVL 0".
bool Messages::take_communicator(std::string_view text) {
  Cursor cursor(text);
  if (!cursor.skip("comm ") && !cursor.skip_past(" comm ")) return false;
  const std::string handle(cursor.until(" "));
  if (!handle.starts_with("0x") || !cursor.skip(" rank ")) return false;
  const auto rank = cursor.number();
  if (!rank || *rank < 0 || *rank >= kMostRanks) return true;
  const bool starts = text.ends_with("Init START");
  if (!starts && !text.ends_with("Init COMPLETE")) {
    if (!cursor.skip(" nRanks ")) return true;
    take_nodes(log_.memberships_[membership_of(handle, *rank, {})], cursor);
    return true;
  }
  const auto ranks = cursor.skip(" nranks ") ? cursor.number() : std::nullopt;
  if (!ranks || *ranks <= 0 || *ranks > kMostRanks) return true;
  std::string communicator;
  if (Cursor id = cursor; id.skip_past(" commId ")) {
    communicator = id.until(" ");
  } else {
    communicator = split_of(cursor);
  }
  const auto index = membership_of(handle, *rank, communicator);
  auto& membership = log_.memberships_[index];
  membership.ranks = *ranks;
  membership.complete = membership.complete || !starts;
  thread_.membership = static_cast<int>(index);
  if (thread_.network >= 0 && !membership.network) {
    membership.network = process_.networks[static_cast<std::size_t>(thread_.network)];
    thread_.network = -1;
  }
  return true;
}

void Messages::take_nodes(Membership& membership, Cursor text) {
  const auto ranks = text.number();
  const auto nodes = number_behind(text.rest(), " nNodes ");
  if (ranks && *ranks > 0 && nodes) membership.ranks = *ranks;
  if (nodes) membership.nodes = *nodes;
  if (text.rest().ends_with(" MNNVL 1")) membership.mnnvl = true;
}

/// Since 2.24 a split names its parent, how many came before, and the colour; ranks of one share
/// all three.
std::string Messages::split_of(Cursor text) const {
  if (!text.skip_past(" parent ")) return {};
  const std::string parent(text.until(" "));
  const auto found = log_.handles_.find({thread_.process, parent});
  const auto& of = found == log_.handles_.end() ? std::string("unknown")
                                                : log_.memberships_[found->second].communicator;
  const auto label =
      text.rest().find("childCount") != std::string_view::npos ? " childCount " : " splitCount ";
  const auto count = number_behind(text.rest(), label).value_or(0);
  const auto colour = number_behind(text.rest(), " color ").value_or(0);
  return fmt::format("{} split {} colour {}", of, count, colour);
}

std::size_t Messages::add_membership(std::string handle, int rank) {
  const auto index = log_.memberships_.size();
  auto& membership = log_.memberships_.emplace_back();
  membership.process = thread_.process;
  membership.handle = std::move(handle);
  membership.rank = rank;
  membership.first = log_.evidence();
  process_.memberships.push_back(index);
  return index;
}

/// A pointer is used again after a communicator is gone.
std::size_t Messages::membership_of(const std::string& handle, int rank,
                                    const std::string& communicator) {
  const auto [found, added] = log_.handles_.try_emplace({thread_.process, handle}, 0);
  if (!added) {
    auto& known = log_.memberships_[found->second];
    const bool same =
        communicator.empty() || known.communicator.empty() || known.communicator == communicator;
    if (same && known.rank == rank) {
      if (known.communicator.empty()) known.communicator = communicator;
      return found->second;
    }
  }
  found->second = add_membership(handle, rank);
  log_.memberships_[found->second].communicator = communicator;
  return found->second;
}

/// Channels name the ranks, not the communicator: that of the thread, or else the latest in which
/// the process has this rank and the peer can be.
std::size_t Messages::membership_with(int rank, int peer) {
  const auto fits = [&](const Membership& one) {
    return one.rank == rank && (one.ranks == 0 || peer < one.ranks);
  };
  if (const auto* const own = current(); own != nullptr && fits(*own)) {
    return static_cast<std::size_t>(thread_.membership);
  }
  std::size_t tried = 0;
  for (auto at = process_.memberships.rbegin(); at != process_.memberships.rend(); ++at) {
    if (fits(log_.memberships_[*at])) return *at;
    if (++tried == kMostTried) break;
  }
  return add_membership({}, rank);
}

Membership* Messages::current() {
  if (thread_.membership < 0) return nullptr;
  return &log_.memberships_[static_cast<std::size_t>(thread_.membership)];
}

}  // namespace wiretax
