#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/harness/rdma_bodies.h"
#include "bench/harness/runner.h"

namespace wiretax::bench {

/// What links did side by side, over all batches.
struct LinksTogether {
  struct One {
    std::string port;
    double bytes = 0;
    double seconds = 0;  // from its first post to its last completion
    verbs::Counters growth;
  };
  std::vector<One> links;
  double common_s = 0;  // all of them were at work
  double span_s = 0;    // any of them was

  /// Bytes per second of all, each over its own time.
  [[nodiscard]] double rate() const;
  /// Share of the time in which all were at work. Below kLeastOverlap a sum says nothing.
  [[nodiscard]] double overlap() const { return span_s > 0 ? common_s / span_s : 0; }
  static constexpr double kLeastOverlap = .95;
};

std::string encode(const LinksTogether& together);
LinksTogether decode_links_together(const std::string& text);

/// Writes over several links at once, from one thread. They share the messages of a batch, so that
/// all of them end together, however fast each is. One operation is `kDepths` times the depth, in
/// messages, for each link: long enough for begin and end to matter little.
class RdmaLinksBody : public Body {
 public:
  RdmaLinksBody(std::vector<std::unique_ptr<RdmaBandwidthBody>> links, int pair_index);

  static constexpr std::uint64_t kDepths = 20;

  [[nodiscard]] int group() const override;
  void run(std::uint64_t n) override;
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
