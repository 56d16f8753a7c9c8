#include "report/commands/assumption_options.h"

#include <fmt/format.h>

#include <cstdlib>

namespace wiretax {
namespace {

constexpr double kLargest = 1e9;

}  // namespace

std::function<std::string(const std::string&)> finite(double least, double most) {
  return [least, most](const std::string& text) -> std::string {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    const bool number = !text.empty() && *end == '\0';
    if (number && value >= least && value <= most) return {};
    return fmt::format("'{}' is not a number from {} to {}", text, least, most);
  };
}

void add_assumptions(CLI::App& command, DecideOptions& options) {
  command.add_option("--machine", options.machine, "NAME or FILE")->capture_default_str();
  command.add_option("--eta", options.efficiency, "memory efficiency: one value, or low,mid,high")
      ->delimiter(',');
  command.add_option("--fixed-ms", options.fixed_ms, "fixed cost of a step, likewise")
      ->delimiter(',');
  command.add_option("--gamma", options.gamma, "how little routed experts overlap, likewise")
      ->delimiter(',');
  command.add_option("--memory-gib", options.memory_gib, "usable memory of a machine")
      ->check(finite(0.001, kLargest));
  command.add_option("--bandwidth", options.bandwidth_GBps, "memory bandwidth in GB/s")
      ->check(finite(0.001, kLargest));
}

}  // namespace wiretax
