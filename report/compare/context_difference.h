#pragma once

#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "report/record.h"

namespace wiretax {

/// Something that differs between the contexts of two result files.
struct Difference {
  std::string what;  // "mtu", "kernel", "environment.NCCL_IB_HCA"
  std::string a;     // empty: not told
  std::string b;
  bool forbids = false;  // what was measured is another thing, so its times cannot be compared

  bool operator<(const Difference& other) const {
    return std::tie(what, a, b, forbids) < std::tie(other.what, other.a, other.b, other.forbids);
  }
};

/// Everything that differs but what does in any two runs (dates, seeds, the clock's own cost). What
/// only one file tells never forbids, nor does the name of a network that is a file's. Where ranks
/// differ alike, it is there once.
std::vector<Difference> context_differences(const ResultFile& a, const ResultFile& b);

/// Whether nobody named its network: what an import is called then says nothing of the wire.
bool is_named_after_file(const ResultFile& file);

/// Keys of a point's name that say how it was measured, and not what.
bool is_setting(std::string_view key);

/// All words that --changed takes.
const std::set<std::string, std::less<>>& forbidding_words();

/// "mtu: 9000 and 1500".
std::string difference_text(const Difference& difference);

}  // namespace wiretax
