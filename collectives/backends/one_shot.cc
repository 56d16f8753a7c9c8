#include "collectives/backends/one_shot.h"

#include <fmt/format.h>

#include <cstring>
#include <exception>
#include <stdexcept>

#include "collectives/backends/one_shot_mesh.h"
#include "collectives/host_task.h"

namespace wiretax::collectives {
namespace {

/// A message that nothing answers proves nothing to its sender: then credits tell what was taken.
bool has_answer(Operation operation) {
  return operation != Operation::kBroadcast && operation != Operation::kSendRecv;
}

std::size_t message_bytes(const Request& request, std::size_t ranks) {
  const bool whole = request.operation == Operation::kAllReduce ||
                     request.operation == Operation::kBroadcast ||
                     request.operation == Operation::kSendRecv;
  return whole ? request.bytes : request.bytes / ranks;
}

/// Where a rank has finished operation j, every peer has begun j, and so finished j - depth. With
/// twice as many windows as operations in flight nothing is written over that is still read.
std::size_t windows_of(const Request& request) {
  return request.flow == Flow::kPipelined ? 2 * static_cast<std::size_t>(request.depth) : 2;
}

Layout layout_of(const Request& request, int ranks) {
  return {HostTask::memory_bytes(request), windows_of(request), static_cast<std::size_t>(ranks),
          message_bytes(request, static_cast<std::size_t>(ranks))};
}

class OneShotTask : public HostTask {
 public:
  OneShotTask(const OneShotGroup& group, const Request& request)
      : HostTask(request, static_cast<std::uint64_t>(group.rank),
                 static_cast<std::uint64_t>(group.ranks)),
        mesh_(group, layout_of(request, group.ranks), kTurns * slots()),
        message_bytes_(message_bytes(request, ranks())),
        begun_(slots()),
        sent_(ranks()),
        received_(ranks()) {
    use({mesh_.at(0), memory_bytes(request)});
  }

  [[nodiscard]] Mesh& mesh() { return mesh_; }

 protected:
  void start(std::size_t slot, std::uint64_t index) override {
    auto& begun = begun_[slot];
    begun.index = index;
    ++begun.turn;
    mesh_.await_sent(key(slot, begun.turn));
    for (std::uint64_t peer = 0; peer < ranks(); ++peer) {
      if (peer == rank() || !sends_to(peer, index)) continue;
      const auto number = sent_[peer]++;
      if (!has_answer(request().operation)) mesh_.await_credit(peer, number);
      mesh_.put(peer, number, source_for(slot, peer), message_bytes_, key(slot, begun.turn));
    }
  }

  void finish(std::size_t slot) override {
    const auto& begun = begun_[slot];
    // What is written to now may be what a write still reads: in place this operation's, else that
    // of the one before, whose source is this one's target.
    mesh_.await_sent(key(slot, begun.turn + (same_buffer() ? 0 : 1)));
    switch (request().operation) {
      case Operation::kAllReduce:
        return add_up(slot, buffers(slot).source);
      case Operation::kReduceScatter:
        return add_up(slot, source_for(slot, rank()));
      case Operation::kAllGather:
      case Operation::kAllToAll:
        return collect(slot);
      case Operation::kBroadcast:
      case Operation::kSendRecv:
        return take(slot, begun.index);
    }
  }

  void settle() override {
    for (std::size_t key = 0; key < kTurns * slots(); ++key) mesh_.await_sent(key);
  }

 private:
  // Writes of two turns of a slot may be on their way: of this operation and of the one before.
  static constexpr std::size_t kTurns = 2;
  [[nodiscard]] static std::size_t key(std::size_t slot, std::uint64_t turn) {
    return kTurns * slot + turn % kTurns;
  }

  [[nodiscard]] bool same_buffer() const {
    return request().in_place || request().operation == Operation::kBroadcast;
  }

  [[nodiscard]] bool sends_to(std::uint64_t peer, std::uint64_t index) const {
    if (request().operation == Operation::kBroadcast) return rank() == turn_of(index);
    if (request().operation == Operation::kSendRecv) return sends(index) && peer == next_rank();
    return true;
  }

  /// What a peer, or this rank itself, gets of this rank's input.
  [[nodiscard]] std::byte* source_for(std::size_t slot, std::uint64_t peer) const {
    const bool parts = request().operation == Operation::kReduceScatter ||
                       request().operation == Operation::kAllToAll;
    return input(slot) + (parts ? peer * message_bytes_ : 0);
  }

  const std::byte* await_peer(std::uint64_t peer) {
    const auto number = received_[peer]++;
    mesh_.await_message(peer, number, message_bytes_);
    return mesh_.message(number, peer);
  }

  /// All ranks add in the same order, so that all get the same sum. Until the last is added, a sum
  /// must not lie where this rank's own addend still waits: it lies in rank 0's window.
  void add_up(std::size_t slot, const std::byte* own) {
    auto* const result = output(slot);
    const auto count = message_bytes_ / size_of(request().type);
    const std::byte* sum = nullptr;
    auto* const meanwhile = rank() == 0 ? result : mesh_.message(received_[0], 0);
    for (std::uint64_t peer = 0; peer < ranks(); ++peer) {
      const auto* const addend = peer == rank() ? own : await_peer(peer);
      if (sum == nullptr) {
        sum = addend;
        continue;
      }
      auto* const to = peer + 1 == ranks() ? result : meanwhile;
      add(request().type, sum, addend, to, count);
      sum = to;
    }
  }

  void collect(std::size_t slot) {
    auto* const result = output(slot);
    for (std::uint64_t peer = 0; peer < ranks(); ++peer) {
      auto* const to = result + peer * message_bytes_;
      const auto* const from = peer == rank() ? source_for(slot, rank()) : await_peer(peer);
      if (from != to) std::memcpy(to, from, message_bytes_);
    }
  }

  void take(std::size_t slot, std::uint64_t index) {
    const bool broadcast = request().operation == Operation::kBroadcast;
    const auto from = broadcast ? turn_of(index) : previous_rank();
    if (from == rank() || !receives(index)) return;
    std::memcpy(output(slot), await_peer(from), message_bytes_);
    mesh_.give_credit(from, received_[from]);
  }

  struct Begun {
    std::uint64_t index = 0;
    std::uint64_t turn = 0;
  };

  Mesh mesh_;
  std::size_t message_bytes_;
  std::vector<Begun> begun_;         // by slot
  std::vector<std::uint64_t> sent_;  // messages, by peer
  std::vector<std::uint64_t> received_;
};

}  // namespace

OneShotBackend::OneShotBackend(OneShotGroup group) : group_(std::move(group)) {
  if (group_.ranks > kMostRanks) {
    throw std::invalid_argument(
        fmt::format("{} ranks, and one_shot has windows for {}: use fewer, or --backend mpi",
                    group_.ranks, kMostRanks));
  }
  for (int peer = 0; peer < group_.ranks; ++peer) {
    if (peer == group_.rank || !group_.links.at(static_cast<std::size_t>(peer)).empty()) continue;
    throw std::invalid_argument(
        fmt::format("no RDMA link to {}, and one_shot needs one between every two ranks",
                    group_.names.at(static_cast<std::size_t>(peer))));
  }
}

std::uint64_t OneShotBackend::memory_bytes(const Request& request, int ranks) {
  return layout_of(request, ranks).bytes();
}

/// Every rank takes part in the exchange, whatever fails before it: an address, or why there is
/// none.
std::unique_ptr<Task> OneShotBackend::prepare(const Request& request) {
  constexpr std::string_view kRefused = "refused: ";
  constexpr std::string_view kFailed = "failed: ";
  std::unique_ptr<OneShotTask> task;
  std::string mine;
  try {
    task = std::make_unique<OneShotTask>(group_, request);
    mine = task->mesh().address();
  } catch (const std::invalid_argument& error) {
    mine = fmt::format("{}{}", kRefused, error.what());
  } catch (const std::exception& error) {
    mine = fmt::format("{}{}", kFailed, error.what());
  }
  const auto all = group_.all_gather(mine);
  for (std::size_t rank = 0; rank < all.size(); ++rank) {
    const auto reason = [&](std::string_view mark) {
      return fmt::format("{}: {}", group_.names.at(rank), all[rank].substr(mark.size()));
    };
    if (all[rank].starts_with(kRefused)) throw std::invalid_argument(reason(kRefused));
    if (all[rank].starts_with(kFailed)) throw std::runtime_error(reason(kFailed));
  }
  task->mesh().connect(all);
  return task;
}

}  // namespace wiretax::collectives
