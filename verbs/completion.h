#pragma once

#include <infiniband/verbs.h>

#include <string>

namespace wiretax::verbs {

/// A work request that failed, in words: the status, its number, what it means and what to look at.
/// Of several the first tells the cause; IBV_WC_WR_FLUSH_ERR only follows.
std::string explain(const ibv_wc& completion);

}  // namespace wiretax::verbs
