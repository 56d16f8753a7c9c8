#include <fmt/format.h>

#include <fstream>
#include <iostream>

#include "report/commands/commands.h"
#include "report/commands/transport_text.h"
#include "report/record.h"
#include "report/transport/report_json.h"

namespace wiretax {
namespace {

void read_file(const std::filesystem::path& path, NcclLog& log) {
  if (path == "-") return log.read(std::cin, "standard input");
  if (std::filesystem::is_directory(path)) {
    throw InputError(path.string() + ": is a folder; name the log files in it");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) throw InputError(path.string() + ": cannot be opened");
  log.read(file, path.filename().string());
}

}  // namespace

int run_transport(const TransportOptions& options) {
  NcclLog log;
  for (const auto& path : options.paths) read_file(path, log);
  const auto report = judge(log);
  if (options.json) {
    fmt::print("{}\n", transport_json(report));
  } else {
    fmt::print("{}", transport_text(report, Ink(options.colour)));
  }
  return exit_code(report.conclusion.transport);
}

}  // namespace wiretax
