#pragma once

#include <string_view>

#include "report/importers/importer.h"

namespace wiretax {

/// Whether it looks like output of iperf3, from words that it always prints.
bool is_iperf3(std::string_view text);

/// The rate is that of the side that received. Source: iperf 3.12 as it runs, and src/iperf_api.c.
ResultFile import_iperf3(const ForeignText& source);

}  // namespace wiretax
