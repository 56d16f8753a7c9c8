#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
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

/// Ports and links that were not used, and why, a line each.
std::vector<std::string> links_left_out(const ResultFile& file);

/// What limits the links between ranks: the file's "bound_limits", {"0-1": {LINKS: LIMIT}}.
class BoundLimits {
 public:
  explicit BoundLimits(const ResultFile& file);
  /// Of one link, or of several with their names joined by '+'; "" where the file does not tell.
  [[nodiscard]] std::string of(std::string_view from, std::string_view to,
                               std::string_view links) const;

 private:
  std::map<std::pair<std::string, std::string>, std::string> limits_;  // by ranks and links
};

}  // namespace wiretax
