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
/// all of them end together, however fast each is. One operation is twenty times what may be on its
/// way: long enough for begin and end to matter little.
class RdmaLinksBody : public Body {
 public:
  RdmaLinksBody(std::vector<std::unique_ptr<RdmaBandwidthBody>> links, int pair_index);

  /// What each link carries in one operation.
  [[nodiscard]] static std::uint64_t messages(const RdmaSettings& settings);

  [[nodiscard]] int group() const override;
  void run(std::uint64_t n) override;
  void begin_measuring() override { together_.begin_measuring(); }
  void check() override;
  void hang_up() noexcept override;
  std::string evidence() override;

 private:
  [[nodiscard]] bool sends() const;

  std::vector<std::unique_ptr<RdmaBandwidthBody>> links_;
  int pair_index_;
  LinksTogether together_;
};

}  // namespace wiretax::bench
