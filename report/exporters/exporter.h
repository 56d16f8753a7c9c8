#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "report/fabric.h"
#include "report/record.h"

namespace wiretax {

/// A file in another tool's format. `part` tells several of one export apart: "", "small", "large".
struct ExportedFile {
  std::string part;
  std::string text;
};

/// The first file is the whole; warnings name what the format cannot hold, and what was assumed.
struct Export {
  std::vector<ExportedFile> files;
  std::vector<std::string> warnings;
};

/// How simulators may take machines to be wired.
enum class Wiring { kFullyConnected, kRing, kSwitch };

/// ASTRA-sim's names; throws std::invalid_argument for others.
Wiring parse_wiring(std::string_view name);

/// A configuration of the user's, as a text.
struct UserCluster {
  std::string_view text = {};    // empty: none
  std::string_view origin = {};  // its name in errors
  std::uint64_t dimension = 0;   // of its links, from 1 on: which is this one; 0: not said
};

/// Cluster configuration of LLMServingSim 2.0 (docs/reference/cluster-config.md): link_bw in GiB/s,
/// which it calls GB/s, link_latency in ns; both may be lists, with a value for each dimension.
/// Into the user's, or the two alone where there is none. Throws InputError, and
/// std::invalid_argument on a dimension that it does not have, or one that is not said.
Export export_llmservingsim(const Fabric& fabric, const UserCluster& cluster);

/// Network file of ASTRA-sim's analytical backends (NetworkParser.cpp): GiB/s and ns. Throws
/// InputError.
Export export_astra_sim(const Fabric& fabric, Wiring wiring);

/// OpenMetrics 1.0 text: seconds and bytes per second, a label for each key of a name. Throws
/// InputError where two keys would be one label.
Export export_openmetrics(std::span<const ResultFile> files);

/// RFC 4180: a line for each point, also for those without a number. Text that a spreadsheet would
/// run as a formula stands behind a '. Throws InputError on more
/// kinds of columns than any run has.
Export export_csv(std::span<const ResultFile> files);

}  // namespace wiretax
