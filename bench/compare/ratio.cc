// compare_ratio: reads pairs "ours theirs" from standard input, one a line, and prints the median
// of ours/theirs with its 95 % interval. Such pairs come from alternating runs (ABBA).

#include <fmt/format.h>

#include <iostream>
#include <vector>

#include "report/statistics.h"

int main() {
  std::vector<double> ratios;
  double ours = 0;
  double theirs = 0;
  while (std::cin >> ours >> theirs) {
    if (!(ours > 0) || !(theirs > 0)) {
      fmt::print(stderr, "error: pair {}: {} {} is no pair of measurements\n", ratios.size() + 1,
                 ours, theirs);
      return 2;
    }
    ratios.push_back(ours / theirs);
  }
  const auto interval = wiretax::median_interval(ratios);
  if (!interval) {
    fmt::print(stderr, "error: {} pairs are too few for an interval\n", ratios.size());
    return 2;
  }
  fmt::print("{:.4f} [{:.4f}, {:.4f}] of {} pairs\n", wiretax::median(ratios), interval->low,
             interval->high, ratios.size());
  return 0;
}
