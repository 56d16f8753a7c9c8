#pragma once

#include <string>
#include <vector>

#include "bench/harness/carrier.h"

namespace wiretax::bench {

/// The options of --backend nccl.
class NcclOptions {
 public:
  void add_options(CLI::App& app);
  /// One of its options that was given; empty without.
  [[nodiscard]] std::string touched() const;
  [[nodiscard]] bool untouched() const { return touched().empty(); }

  [[nodiscard]] std::vector<Launch> launches() const;

  std::string library;            // empty: libnccl.so.2, as the linker finds it
  std::vector<std::string> ways;  // "eager", "graph"
  int chain = kChain;             // operations in a graph
  std::string required;           // transport
  std::string fabric;             // its name in the results
  std::string proof;              // file for the evidence of an untimed pass
  bool share_gpu = false;
  double patience_s = 60;  // for communicators to begin

  static constexpr int kChain = 32;
};

}  // namespace wiretax::bench
