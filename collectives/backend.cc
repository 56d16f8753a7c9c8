#include "collectives/backend.h"

#include <fmt/format.h>

namespace wiretax::collectives {
namespace {

std::uint64_t elements_of(const Request& request) { return request.bytes / size_of(request.type); }

}  // namespace

void fill_input(const Request& request, std::byte* input, std::uint64_t rank, std::uint64_t call,
                std::uint64_t ranks) {
  const auto count = describe(request.operation).send_elements(elements_of(request), ranks);
  for (std::uint64_t i = 0; i < count; ++i) {
    store(request.type, input, i, test_value(rank, i, call, ranks));
  }
}

void verify_output(const Request& request, const std::byte* output, std::uint64_t rank,
                   std::uint64_t call, std::uint64_t ranks) {
  const auto& collective = describe(request.operation);
  const auto elements = elements_of(request);
  const auto count = collective.receive_elements(elements, ranks);
  for (std::uint64_t i = 0; i < count; ++i) {
    const float wanted = expected_value(request.operation, rank, i, elements, call, ranks);
    const float found = load(request.type, output, i);
    if (found == wanted) continue;
    throw DataMismatch(fmt::format("{} of {} bytes gave wrong data: element {} is {}, not {}",
                                   collective.name, request.bytes, i, found, wanted));
  }
}

}  // namespace wiretax::collectives
