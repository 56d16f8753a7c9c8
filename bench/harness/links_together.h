#pragma once

#include <string>
#include <vector>

#include "verbs/counters.h"

namespace wiretax::bench {

/// What links did side by side.
struct LinksTogether {
  struct One {
    std::string port;
    double bytes = 0;         // in all, as the counters saw them
    double common_bytes = 0;  // while all links were at work
    verbs::Counters growth;
    bool tells_losses = false;  // somebody counts what is sent again
  };
  std::vector<One> links;
  double common_s = 0;  // all of them were at work
  double span_s = 0;    // any of them was

  /// Bytes per second of one, or of all, over the time in which all were at work.
  [[nodiscard]] double rate(std::size_t link) const;
  [[nodiscard]] double rate() const;
  /// Share of the time in which all were at work. Below kLeastOverlap a sum says nothing.
  [[nodiscard]] double overlap() const { return span_s > 0 ? common_s / span_s : 0; }
  static constexpr double kLeastOverlap = .95;

  /// What each link did in one batch, and when, in the order of `links`. Within it a link is taken
  /// to be as fast at its ends as in the middle.
  struct Window {
    double first_s = 0;
    double last_s = 0;
    double bytes = 0;  // in between
  };
  void add_batch(const std::vector<Window>& windows);
  /// The warm-up is over: rates and overlap are of what comes from here on.
  void begin_measuring();
};

std::string encode(const LinksTogether& together);
LinksTogether decode_links_together(const std::string& text);

}  // namespace wiretax::bench
