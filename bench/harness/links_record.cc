#include "bench/harness/links_record.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/units.h"

namespace wiretax::bench {

void add_rates(const LinksTogether& seen, const std::vector<std::string>& names, Row& row) {
  double fastest = 0;
  double slowest = 0;
  for (std::size_t i = 0; i < seen.links.size(); ++i) {
    const double rate = seen.rate(i);
    fastest = std::max(fastest, rate);
    slowest = i == 0 ? rate : std::min(slowest, rate);
    row.counters["GBps_" + names.at(i)] = rate / kGigabyte;
    row.counters["payload_bytes_" + names.at(i)] = seen.links[i].bytes;
  }
  row.counters["ranks"] = 2;
  row.counters["links"] = static_cast<double>(seen.links.size());
  row.counters["overlap"] = seen.overlap();
  if (seen.overlap() < LinksTogether::kLeastOverlap) {
    row.invalid = fmt::format(
        "the links were at work together for {:.0f} % of the time only, so their sum says nothing",
        100 * seen.overlap());
    return;
  }
  row.counters["imbalance"] = fastest / slowest - 1;
  row.counters["GBps"] = seen.rate() / kGigabyte;
  row.counters["Gbps"] = seen.rate() / kGigabit;
}

void add_wire_bytes(const LinksTogether& sent, const std::vector<std::string>& names, Row& row) {
  for (std::size_t i = 0; i < sent.links.size(); ++i) {
    const auto& growth = sent.links[i].growth;
    if (const auto wire = verbs::bytes_sent(growth)) {
      row.counters["wire_bytes_" + names.at(i)] = static_cast<double>(*wire);
    }
    const auto netdev = growth.find("netdev_tx_bytes");
    if (netdev != growth.end()) {
      row.counters["netdev_bytes_" + names.at(i)] = static_cast<double>(netdev->second);
    }
  }
}

}  // namespace wiretax::bench
