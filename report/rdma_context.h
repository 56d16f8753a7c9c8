#pragma once

#include <map>
#include <string>
#include <vector>

#include "report/record.h"

namespace wiretax {

/// A device as wiretax-rdma and wiretax-links describe it; what a file does not tell is "".
struct RdmaDevice {
  std::string host;
  std::string name;  // "rocep1s0f0", with ":2" for a second port
  std::string pci;   // "0000:01:00.0"
  std::string pcie;  // "Gen5 x4"
  std::string cage;  // "p0"
  std::string interface;
};

/// The devices of all ranks, rank 0's first.
std::vector<RdmaDevice> rdma_devices(const ResultFile& file);

/// What limits a link, or several with their names joined by '+'.
std::map<std::string, std::string> bound_limits(const ResultFile& file);

}  // namespace wiretax
