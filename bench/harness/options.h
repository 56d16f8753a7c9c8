#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/harness/stopping.h"

namespace CLI {
class App;
}

namespace wiretax::bench {

/// Flags that every measuring program has.
struct Options {
  Profile profile = Profile::kQuick;
  std::string out;
  double deadline_s = 0;  // 0: none
  bool strict = false;
  bool force = false;
  std::uint64_t seed = 1;
  std::vector<int> cores;
  std::string color = "auto";
  std::string bytes;
  std::vector<std::string> models;
  std::string batches = "1,8,32";
  std::string filter;
  bool list = false;
  std::vector<std::string> context;  // key=value
  int repetitions = 1;
  std::string command_line;
};

/// Declares them on the command line; `options` must outlive the app.
void add_common_options(CLI::App& app, Options& options);

/// Whether a point of this name is asked for, as Google Benchmark's filter says: a regular
/// expression found anywhere, with a leading '-' for the contrary. Throws Failure(kUsage) on a
/// malformed one.
bool passes_filter(const std::string& filter, const std::string& name);

}  // namespace wiretax::bench
