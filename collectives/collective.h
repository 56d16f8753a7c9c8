#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace wiretax::collectives {

enum class Operation { kAllReduce, kAllGather, kReduceScatter, kBroadcast, kSendRecv, kAllToAll };

/// One row of the table of collectives. `bytes` everywhere is nccl-tests' size (doc/PERFORMANCE.md
/// there): the tensor of an all_reduce or broadcast, the total received of an all_gather, the total
/// sent of a reduce_scatter or all_to_all by one rank, one message of a send_recv.
struct Collective {
  Operation operation;
  std::string_view name;
  std::uint64_t (*send_elements)(std::uint64_t elements, std::uint64_t ranks);
  std::uint64_t (*receive_elements)(std::uint64_t elements, std::uint64_t ranks);
  /// Bus bandwidth over algorithm bandwidth.
  double (*bus_factor)(double ranks);
};

namespace table {
constexpr std::uint64_t whole(std::uint64_t elements, std::uint64_t /*ranks*/) { return elements; }
constexpr std::uint64_t part(std::uint64_t elements, std::uint64_t ranks) {
  return elements / ranks;
}
constexpr double one(double /*ranks*/) { return 1; }
constexpr double others(double ranks) { return (ranks - 1) / ranks; }
constexpr double others_twice(double ranks) { return 2 * (ranks - 1) / ranks; }
}  // namespace table

inline constexpr std::array kCollectives = {
    Collective{Operation::kAllReduce, "all_reduce", table::whole, table::whole,
               table::others_twice},
    Collective{Operation::kAllGather, "all_gather", table::part, table::whole, table::others},
    Collective{Operation::kReduceScatter, "reduce_scatter", table::whole, table::part,
               table::others},
    Collective{Operation::kBroadcast, "broadcast", table::whole, table::whole, table::one},
    Collective{Operation::kSendRecv, "send_recv", table::whole, table::whole, table::one},
    Collective{Operation::kAllToAll, "all_to_all", table::whole, table::whole, table::others},
};

const Collective& describe(Operation operation);
std::optional<Operation> find_operation(std::string_view name);

/// Test data: a small integer that depends on rank, element and call, so small that sums over all
/// ranks are exact even in bfloat16, which counts to 256 (up to 256 ranks).
float test_value(std::uint64_t rank, std::uint64_t element, std::uint64_t call,
                 std::uint64_t ranks);

/// What `rank` must find in element `element` of its output after `call`, of `elements` in all.
/// broadcast's root is call % ranks; send_recv receives from the rank before.
float expected_value(Operation operation, std::uint64_t rank, std::uint64_t element,
                     std::uint64_t elements, std::uint64_t call, std::uint64_t ranks);

}  // namespace wiretax::collectives
