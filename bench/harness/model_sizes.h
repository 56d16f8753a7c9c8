#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/harness/options.h"
#include "report/model.h"

namespace wiretax::bench {

/// The sizes to measure: what --bytes lists, or what the models of --model send.
class Sizes {
 public:
  Sizes() = default;
  explicit Sizes(std::vector<std::uint64_t> fixed) : fixed_(std::move(fixed)) {}
  Sizes(std::vector<Model> models, std::vector<std::uint64_t> batches)
      : models_(std::move(models)), batches_(std::move(batches)) {}

  /// For an operation named as in traffic.h, ascending. Of models: the exact sizes of one decode
  /// step, and a power of two beyond each end, so that nothing near them has to be extrapolated.
  /// Operations that no schedule has take the sizes of all_reduce.
  [[nodiscard]] std::vector<std::uint64_t> of(const std::string& operation,
                                              std::uint64_t ranks) const;

 private:
  std::vector<std::uint64_t> fixed_;
  std::vector<Model> models_;
  std::vector<std::uint64_t> batches_;
};

/// The models of --model, else those that the report decides on by default. Throws Failure: kUsage,
/// or kEnvironment for a file.
std::vector<Model> requested_models(const Options& options);

/// From --bytes, else --model and --batch, else the list `fallback`; without one, the models that
/// the report decides on by default. Throws Failure: kUsage, or kEnvironment for a file.
Sizes requested_sizes(const Options& options, std::string_view fallback = {});

}  // namespace wiretax::bench
