#include "report/importers/iperf3.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "report/importers/builder.h"
#include "report/importers/loose_json.h"
#include "report/statistics.h"
#include "report/units.h"

namespace wiretax {
namespace {

using nlohmann::json;

constexpr double kUnsaid = std::numeric_limits<double>::quiet_NaN();

/// Not read. The first three are written once for each stream, into the object of all.
constexpr std::array<std::string_view, 5> kUnreadByIperf3 = {
    "sock_bufsize", "sndbuf_actual", "rcvbuf_actual", "cookie", "system_info"};

/// One direction's sums, and who sends.
struct Direction {
  const json& sent;
  const json& received;
  bool from_client = true;
  bool both_ways = false;
};

/// Bytes over the seconds until the last of them, in bytes per second. receiver.seconds of a stream
/// is the sender's, `end` is its own.
double rate_in(const json& sum) {
  const auto bytes = foreign_number(sum, "bytes").value_or(kUnsaid);
  return bytes / foreign_number(sum, "end").value_or(kUnsaid);
}

bool nothing_in(const json& sum) { return !(foreign_number(sum, "bytes").value_or(0) > 0); }

class Iperf3Reader {
 public:
  explicit Iperf3Reader(const ForeignText& source) : source_(source), builder_(source, "iperf3") {}

  ResultFile read() {
    each_loose_json(source_, kUnreadByIperf3, [&](json document) { take(std::move(document)); });
    read_whole();
    if (repeated_) builder_.note("the file holds the same document twice; one counts");
    builder_.set("imported_format", "JSON");
    builder_.set("imported_unit", "bits per second and bytes, as the fields' names say");
    builder_.note("the rate is that of the receiving side, all streams together");
    return builder_.finish(loopback_ ? "loopback" : "host_tcp");
  }

 private:
  /// --json-stream writes an object for each event instead of one for all.
  void take(json document) {
    const auto event = foreign_text(document, "event");
    if (event.empty() || event == "start") read_whole();
    if (event.empty()) {
      whole_ = std::move(document);
    } else if (event == "interval") {
      auto& intervals = whole_["intervals"];
      if (!intervals.is_array()) intervals = json::array();
      intervals.push_back(std::move(document["data"]));
    } else {
      whole_[event] = std::move(document["data"]);
    }
  }

  /// What was put together, unless it is what came before, which iperf3 3.16 writes twice.
  void read_whole() {
    if (whole_.is_null()) return;
    const bool repeats = whole_ == last_;
    last_ = std::exchange(whole_, nullptr);
    repeated_ = repeated_ || repeats;
    if (repeats) return;
    try {
      read_document(last_);
    } catch (const InputError& error) {
      throw InputError(fmt::format("{}: {}", source_.path.string(), error.what()));
    }
  }

  void read_document(const json& document) {
    const auto& start = foreign_object(document, "start");
    const auto& test = foreign_object(start, "test_start");
    const auto& end = foreign_object(document, "end");
    auto version = foreign_text(start, "version");
    if (version.starts_with("iperf ")) version.erase(0, 6);
    builder_.set("imported_version", version);
    take_ends(start);
    const auto error = foreign_text(document, "error");
    if (test.empty()) {
      throw InputError(error.empty() ? "cut off: no start.test_start"
                                     : fmt::format("iperf3 measured nothing: {}", error));
    }
    builder_.set("transport", foreign_text(test, "protocol"));
    if (!error.empty()) builder_.set("wiretax_status", fmt::format("5: iperf3: {}", error));
    const bool reverse = foreign_number(test, "reverse").value_or(0) != 0;
    const auto& back = foreign_object(end, "sum_received_bidir_reverse");
    add(document, {foreign_object(end, "sum_sent"), foreign_object(end, "sum_received"), !reverse,
                   !back.empty()});
    if (!back.empty()) {
      add(document, {foreign_object(end, "sum_sent_bidir_reverse"), back, reverse, true});
    }
  }

  /// Addresses stay out of the record; that they are the loopback's has to be known.
  void take_ends(const json& start) {
    for (const auto& connection : foreign_array(start, "connected")) {
      if (!connection.is_object()) continue;
      const auto host = foreign_text(connection, "remote_host");
      if (host.starts_with("127.") || host == "::1") loopback_ = true;
    }
  }

  std::string curve(const json& test, const Direction& way) const {
    const auto protocol = foreign_text(test, "protocol");
    const bool udp = protocol == "UDP";
    if (!udp && protocol != "TCP") {
      throw InputError(fmt::format("the protocol '{}' is not read, only TCP and UDP", protocol));
    }
    const auto streams = foreign_number(test, "num_streams").value_or(1);
    if (!(streams >= 1 && streams <= 4096)) throw InputError("start.test_start.num_streams");
    return fmt::format("{}_bandwidth/interface:{}/from:{}/to:{}/streams:{:.0f}{}",
                       udp ? "udp" : "tcp", loopback_ ? "lo" : "unknown", way.from_client ? 0 : 1,
                       way.from_client ? 1 : 0, streams, way.both_ways ? "/ways:2" : "");
  }

  void add(const json& document, const Direction& way) {
    const auto& test = foreign_object(foreign_object(document, "start"), "test_start");
    const auto block = foreign_number(test, "blksize");
    if (!block || !(*block > 0)) throw InputError("start.test_start.blksize: no size");
    const auto streams = foreign_number(test, "num_streams").value_or(1);
    const double rate = rate_in(way.received);
    const double time_us = *block * streams / rate / kMicrosecond;
    auto& record = builder_.add(
        curve(test, way), *block, time_us,
        {{"ranks", 2},
         {"streams", streams},
         {"GBps", rate / kGigabyte},
         {"Gbps", rate / kGigabit},
         {"retransmits", foreign_number(way.sent, "retransmits").value_or(kUnsaid)},
         {"lost_packets", foreign_number(way.received, "lost_packets").value_or(kUnsaid)},
         {"packets", foreign_number(way.received, "packets").value_or(kUnsaid)},
         {"jitter_us", foreign_number(way.received, "jitter_ms").value_or(kUnsaid) * 1000},
         {"srtt_us", mean_round_trip_us(document, way)}});
    if (nothing_in(way.received)) {
      ImportBuilder::invalidate(
          record, "nothing is known of what was received" +
                      (document.contains("error") ? ": " + foreign_text(document, "error") : ""));
      return;
    }
    if (record.measured()) judge(document, way, record);
  }

  void judge(const json& document, const Direction& way, Record& record) {
    if (const auto again = record.counter("retransmits").value_or(0); again > 0) {
      ImportBuilder::doubt(record,
                           fmt::format("{:.0f} segment{} sent again", again, again > 1 ? "s" : ""));
    }
    if (const auto lost = record.counter("lost_packets").value_or(0); lost > 0) {
      ImportBuilder::doubt(record, fmt::format("{:.0f} packets lost", lost));
    }
    check_sum(document, way, record);
    if (const auto error = foreign_text(document, "error"); !error.empty()) {
      ImportBuilder::doubt(record, error);
    }
    add_interval(document, way, record);
  }

  /// The streams that are sent this way, or nothing where they do not say.
  template <typename Action>
  static void for_each_stream(const json& document, const Direction& way, Action action) {
    for (const auto& stream : foreign_array(foreign_object(document, "end"), "streams")) {
      if (!stream.is_object()) continue;
      const auto& sender = foreign_object(stream, "sender");
      const auto found = sender.find("sender");
      // Whether this end, the client, is the one that sends.
      const bool client = found != sender.end() && found->is_boolean() && found->get<bool>();
      if (!sender.empty() && client == way.from_client) action(stream);
    }
  }

  static double mean_round_trip_us(const json& document, const Direction& way) {
    double sum = 0;
    double count = 0;
    for_each_stream(document, way, [&](const json& stream) {
      const auto trip = foreign_number(foreign_object(stream, "sender"), "mean_rtt").value_or(0);
      sum += trip;
      count += trip > 0 ? 1 : 0;
    });
    return count > 0 ? sum / count : kUnsaid;
  }

  static void check_sum(const json& document, const Direction& way, Record& record) {
    double bytes = 0;
    for_each_stream(document, way, [&](const json& stream) {
      bytes += foreign_number(foreign_object(stream, "receiver"), "bytes").value_or(0);
    });
    const auto sum = foreign_number(way.received, "bytes").value_or(0);
    if (bytes > 0 && std::abs(bytes - sum) > 0.001 * sum) {
      ImportBuilder::doubt(record, fmt::format("the streams received {:.0f} bytes, their sum says "
                                               "{:.0f}",
                                               bytes, sum));
    }
  }

  /// From the rates of the intervals, as the client saw them; warm-up (-O) does not count.
  static void add_interval(const json& document, const Direction& way, Record& record) {
    std::vector<double> rates;
    for (const auto& interval : foreign_array(document, "intervals")) {
      if (!interval.is_object()) continue;
      const bool second = way.both_ways && !way.from_client;
      const auto& sum = foreign_object(interval, second ? "sum_bidir_reverse" : "sum");
      const auto rate = foreign_number(sum, "bits_per_second");
      if (sum.value("omitted", json(false)) == true || !rate) continue;
      if (!(*rate > 0) || !std::isfinite(*rate)) return;  // the mean of times would be no mean
      rates.push_back(*rate);
    }
    if (rates.empty()) return;
    record.counters.emplace("samples", static_cast<double>(rates.size()));
    constexpr std::size_t kMost = 100'000;
    if (rates.size() > kMost) return;
    const auto around = mean_interval(rates, 1);
    if (!around || !(around->low > 0)) return;
    const double time_us = record.time_s / kMicrosecond;
    const double middle = mean(rates);
    const double low = time_us * std::min(1.0, middle / around->high);
    const double high = time_us * std::max(1.0, middle / around->low);
    if (!(low > 0) || !std::isfinite(high)) return;
    record.counters.emplace("mean_lo_us", low);
    record.counters.emplace("mean_hi_us", high);
  }

  const ForeignText& source_;
  ImportBuilder builder_;
  json whole_;  // what is being put together
  json last_;   // and what was before it
  bool repeated_ = false;
  bool loopback_ = false;
};

}  // namespace

bool is_iperf3(std::string_view text) {
  if (!begins_as_json(text)) return false;
  const auto has = [&](std::string_view word) { return text.find(word) != std::string_view::npos; };
  return has("\"iperf 3") || (has("\"test_start\"") && has("\"sum_received\""));
}

ResultFile import_iperf3(const ForeignText& source) { return Iperf3Reader(source).read(); }

}  // namespace wiretax
