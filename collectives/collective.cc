#include "collectives/collective.h"

#include <algorithm>

namespace wiretax::collectives {
namespace {

constexpr std::uint64_t kExactIntegers = 256;  // bfloat16 has 8 significant bits

float sum_over_ranks(std::uint64_t element, std::uint64_t call, std::uint64_t ranks) {
  float sum = 0;
  for (std::uint64_t rank = 0; rank < ranks; ++rank) sum += test_value(rank, element, call, ranks);
  return sum;
}

}  // namespace

const Collective& describe(Operation operation) {
  return *std::ranges::find(kCollectives, operation, &Collective::operation);
}

std::optional<Operation> find_operation(std::string_view name) {
  const auto* const found = std::ranges::find(kCollectives, name, &Collective::name);
  return found == kCollectives.end() ? std::nullopt : std::optional(found->operation);
}

float test_value(std::uint64_t rank, std::uint64_t element, std::uint64_t call,
                 std::uint64_t ranks) {
  // SplitMix64's mixing steps (Steele, Lea and Flood, 2014) over a number unique to the three.
  std::uint64_t mixed = (rank << 56) ^ (call << 40) ^ element;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  mixed ^= mixed >> 31;
  return static_cast<float>(mixed % std::max<std::uint64_t>(2, kExactIntegers / ranks));
}

float expected_value(Operation operation, std::uint64_t rank, std::uint64_t element,
                     std::uint64_t elements, std::uint64_t call, std::uint64_t ranks) {
  const std::uint64_t part = elements / ranks;
  switch (operation) {
    case Operation::kAllReduce:
      return sum_over_ranks(element, call, ranks);
    case Operation::kAllGather:
      return test_value(element / part, element % part, call, ranks);
    case Operation::kReduceScatter:
      return sum_over_ranks(rank * part + element, call, ranks);
    case Operation::kBroadcast:
      return test_value(call % ranks, element, call, ranks);
    case Operation::kSendRecv:
      return test_value((rank + ranks - 1) % ranks, element, call, ranks);
    case Operation::kAllToAll:
      return test_value(element / part, rank * part + element % part, call, ranks);
  }
  return 0;
}

}  // namespace wiretax::collectives
