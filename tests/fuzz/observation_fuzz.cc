// Any bytes as tokens per second: typed in, and as a file of llama-benchy or llama-bench. Either
// rates that make sense, or one error.

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "report/observation_formats.h"
#include "report/record.h"

namespace wiretax {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const std::vector<Observation>& rows) {
  for (const auto& row : rows) {
    require(std::isfinite(row.tokens_per_s) && row.tokens_per_s > 0);
    require(std::isfinite(row.error) && row.error >= 0);
    require(row.concurrency > 0 && !row.name().empty());
    require(row.phase == Phase::kDecode || row.prompt > 0);
  }
}

template <typename Parse>
void try_parse(const Parse& parse) {
  try {
    check(parse());
  } catch (const InputError& error) {
    require(*error.what() != '\0');
  } catch (const std::invalid_argument& error) {
    require(*error.what() != '\0');
  }
}

}  // namespace
}  // namespace wiretax

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  wiretax::try_parse([&] { return wiretax::parse_observations(text); });
  wiretax::try_parse([&] { return wiretax::parse_observation_file(text, "file").rows; });
  wiretax::try_parse([&] { return wiretax::parse_bench_csv(text, "file").rows; });
  wiretax::try_parse([&] { return wiretax::parse_bench_table(text, "file").rows; });
  return 0;
}
