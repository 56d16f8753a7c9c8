#include "bench/harness/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "bench/harness/clock.h"

namespace wiretax::bench {
namespace {

constexpr double kQuiet = 5;

}  // namespace

Progress::Progress(std::size_t total, double worst_case_s)
    : total_(total), worst_case_s_(worst_case_s), started_s_(now_s()) {
  const char* const wish = std::getenv("WIRETAX_PROGRESS");
  rewriting_ = wish != nullptr && std::string_view(wish) == "1";
}

Progress::~Progress() {
  if (rewriting_ && begun_ > 0) std::fputs("\r\033[K", stderr);
}

double Progress::left_s(double now) const {
  const double share_left = static_cast<double>(total_ - begun_ + 1) / static_cast<double>(total_);
  if (begun_ <= 1) return worst_case_s_ * share_left;
  const double each_s = (now - started_s_) / static_cast<double>(begun_ - 1);
  return std::min(each_s * static_cast<double>(total_ - begun_ + 1), worst_case_s_ * share_left);
}

void Progress::begin(const std::string& name) {
  ++begun_;
  const double now = now_s();
  if (!rewriting_ && begun_ > 1 && now - spoke_s_ < kQuiet) return;
  spoke_s_ = now;
  const char* const at_most = begun_ <= 1 ? "at most " : "about ";
  const auto line =
      fmt::format("[{}/{}] {} ({}{:.0f} s left)", begun_, total_, name, at_most, left_s(now));
  std::fputs(rewriting_ ? fmt::format("\r\033[K{}", line).c_str() : (line + "\n").c_str(), stderr);
}

}  // namespace wiretax::bench
