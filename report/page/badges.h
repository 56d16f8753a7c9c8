#pragma once

#include <string>
#include <vector>

#include "report/page/page.h"

namespace wiretax {

enum class Tone { kGood, kPlain, kDoubtful, kBad };

/// What a reader has to know before believing a number.
struct Badge {
  Tone tone = Tone::kPlain;
  std::string text;
};

/// Proven transport, emulated networks, what is no network, published figures, the doctor's
/// findings, programs that did not finish, points in doubt.
std::vector<Badge> badges_of(const PageRun& run);

}  // namespace wiretax
