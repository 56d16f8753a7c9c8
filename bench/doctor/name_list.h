#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace wiretax::doctor {

/// A list of interfaces or devices as NCCL_SOCKET_IFNAME and NCCL_IB_HCA have it: names with commas
/// between them, each the beginning of one, or with "=" in front whole; "^" in front excludes; a
/// device may have ":port" behind it (NCCL, src/misc/socket.cc and utils.cc: parseStringList).
class NameList {
 public:
  explicit NameList(std::string_view text);

  [[nodiscard]] bool takes(std::string_view name, int port = kAnyPort) const;

 private:
  static constexpr int kAnyPort = -1;
  struct Entry {
    std::string name;
    int port = kAnyPort;
  };
  bool excludes_ = false;
  bool whole_ = false;
  std::vector<Entry> entries_;
};

}  // namespace wiretax::doctor
