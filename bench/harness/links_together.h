#pragma once

#include <string>
#include <vector>

#include "verbs/counters.h"

namespace wiretax::bench {

/// What links did side by side, over all batches.
struct LinksTogether {
  struct One {
    std::string port;
    double bytes = 0;
    double seconds = 0;
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

  /// When each link began and ended within one batch, in the order of `links`.
  struct Window {
    double first_s = 0;
    double last_s = 0;
  };
  void add_batch(const std::vector<Window>& windows);
};

std::string encode(const LinksTogether& together);
LinksTogether decode_links_together(const std::string& text);

}  // namespace wiretax::bench
