#include "bench/harness/failure.h"

#include <fmt/format.h>

#include <system_error>

namespace wiretax::bench {

Failure as_failure(const std::exception& error) {
  if (const auto* failure = dynamic_cast<const Failure*>(&error)) return *failure;
  return {ExitCode::kInternal, error.what()};
}

Failure system_failure(ExitCode exit_code, const std::string& call, int code) {
  return {exit_code, fmt::format("{}: {}", call, std::generic_category().message(code))};
}

}  // namespace wiretax::bench
