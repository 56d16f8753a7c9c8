#pragma once

#include <span>
#include <string>

#include "report/machine.h"
#include "report/record.h"

namespace wiretax {

/// Where the machine's own GPU read memory in the pauses between messages (counter read_GBps,
/// context memory_reader), nothing on it reads faster: that becomes the upper end of its
/// efficiency. Returns what to say about it, or nothing.
std::string limit_efficiency(std::span<const ResultFile> files, Machine& machine);

}  // namespace wiretax
