#include <fmt/format.h>

#include <charconv>

#include "report/commands/commands.h"
#include "report/record.h"

namespace wiretax {
namespace {

constexpr int kKilled = 6;

struct Ending {
  int code = 0;
  std::string text;
};

/// "complete", "running" or "CODE: reason".
Ending ending_of(std::string_view status) {
  if (status == "complete") return {0, "complete"};
  if (status == "running")
    return {kKilled, "still running, or killed; the points that it holds are whole"};
  int code = 0;
  const auto [rest, error] = std::from_chars(status.data(), status.data() + status.size(), code);
  const std::string_view reason(rest,
                                static_cast<std::size_t>(status.data() + status.size() - rest));
  if (error != std::errc{} || code < 0 || code > 255 || !reason.starts_with(": ")) {
    return {kUnusable, status.empty() ? "says nothing about how its program ended"
                                      : fmt::format("wiretax_status '{}' is not known", status)};
  }
  return {code, std::string(reason.substr(2))};
}

Ending ending_of_file(const std::filesystem::path& path) {
  try {
    return ending_of(read_result_file(path).context_value("wiretax_status"));
  } catch (const InputError& error) {
    const auto named = path.string() + ": ";
    const std::string_view reason(error.what());
    return {kUnusable, std::string(reason.substr(reason.starts_with(named) ? named.size() : 0))};
  }
}

}  // namespace

int run_status(const Paths& paths) {
  int first = 0;
  const auto files = result_paths(paths);
  for (const auto& path : files) {
    const auto ending = ending_of_file(path);
    fmt::print("{}: {}\n", path.filename().string(), printable(ending.text));
    if (first == 0) first = ending.code;
  }
  return first;
}

}  // namespace wiretax
