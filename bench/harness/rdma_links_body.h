#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/harness/links_together.h"
#include "bench/harness/rdma_bodies.h"
#include "bench/harness/runner.h"

namespace wiretax::bench {

/// Writes over several links at once, from one thread. They share the messages of a batch, so that
/// all of them end together, however fast each is. One operation is `kDepths` times the depth, in
/// messages, for each link: long enough for begin and end to matter little.
class RdmaLinksBody : public Body {
 public:
  RdmaLinksBody(std::vector<std::unique_ptr<RdmaBandwidthBody>> links, int pair_index);

  static constexpr std::uint64_t kDepths = 20;

  [[nodiscard]] int group() const override;
  void run(std::uint64_t n) override;
  void begin_measuring() override { together_.begin_measuring(); }
  void check() override;
  void hang_up() noexcept override;
  std::string evidence() override;

 private:
  [[nodiscard]] bool sends() const;
  [[nodiscard]] std::uint64_t messages() const;  // of one operation

  std::vector<std::unique_ptr<RdmaBandwidthBody>> links_;
  int pair_index_;
  LinksTogether together_;
};

}  // namespace wiretax::bench
