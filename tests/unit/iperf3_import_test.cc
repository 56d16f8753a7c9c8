// iperf3's JSON, as iperf 3.12 wrote it on the loopback.

#include <string>

#include "imported.h"

namespace wiretax {
namespace {

using testing::AnyOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

TEST(Iperf3Import, TheReceivingSideOfAllStreams) {
  const auto file = imported(sample("iperf3-3.12.json"));
  const auto& record = only(file);
  EXPECT_EQ(record.name, "tcp_bandwidth/interface:lo/from:0/to:1/streams:2/bytes:131072");
  EXPECT_NEAR(*record.counter("GBps"), 10010520234.406794 / 8e9, 1e-9);
  EXPECT_NEAR(record.time_s, 2 * 131072 / (10010520234.406794 / 8), 1e-12);
  EXPECT_EQ(record.counter("retransmits"), 2);
  EXPECT_EQ(record.verdict, Verdict::kSuspect);
  EXPECT_EQ(record.counter("samples"), 12) << "intervals";
  EXPECT_LT(*record.counter("mean_lo_us"), record.time_s / 1e-6);
  EXPECT_EQ(file.context_value("imported_version"), "3.12");
  EXPECT_EQ(file.context_value("wiretax_fabric_kind"), "loopback");
}

TEST(Iperf3Import, AddressesAndCookiesStayOut) {
  for (const auto& [key, value] : imported(sample("iperf3-3.12.json")).context) {
    EXPECT_THAT(value, Not(AnyOf(HasSubstr("127.0.0.1"), HasSubstr("Linux vm"))));
  }
}

TEST(Iperf3Import, ReverseAndBothWays) {
  EXPECT_EQ(only(imported(sample("iperf3-3.12-reverse.json"))).name,
            "tcp_bandwidth/interface:lo/from:1/to:0/streams:1/bytes:131072");
  const auto both = imported(sample("iperf3-3.12-bidir.json"));
  ASSERT_EQ(both.records.size(), 2U);
  EXPECT_EQ(both.records[0].key("from"), "0");
  EXPECT_EQ(both.records[1].key("from"), "1");
  EXPECT_EQ(both.records[1].key("ways"), "2");
  EXPECT_EQ(both.records[1].counter("retransmits"), 3);
}

TEST(Iperf3Import, UdpCountsWhatArrived) {
  const auto file = imported(sample("iperf3-3.12-udp.json"));
  EXPECT_EQ(only(file).operation, "udp_bandwidth");
  EXPECT_NEAR(*only(file).counter("Gbps"), 0.1357209, 1e-6);
  EXPECT_EQ(only(file).counter("lost_packets"), 241);
  EXPECT_EQ(only(file).verdict, Verdict::kSuspect);
}

TEST(Iperf3Import, RunsThatBrokeOff) {
  const auto killed = imported(sample("iperf3-3.12-killed.json"));
  EXPECT_EQ(only(killed).verdict, Verdict::kInvalid);
  EXPECT_THAT(only(killed).reason, HasSubstr("the client has terminated"));
  EXPECT_THAT(std::string(killed.context_value("wiretax_status")),
              HasSubstr("5: iperf3: interrupt"));
  EXPECT_THAT(refusal(sample("iperf3-3.12-refused.json")), HasSubstr("Connection refused"));
  const auto text = sample("iperf3-3.12.json");
  EXPECT_THAT(refusal(text.substr(0, text.size() - 20)), HasSubstr("run.log:"));
  EXPECT_THAT(refusal(text.substr(0, text.size() - 20)), HasSubstr("cut off"));
}

TEST(Iperf3Import, DocumentsDoubledAndOneAfterAnother) {
  const auto text = sample("iperf3-3.12.json");
  const auto doubled = imported(text + text);
  EXPECT_EQ(doubled.records.size(), 1U);
  EXPECT_THAT(doubled.notes(), Contains(HasSubstr("twice; one counts")));
  const auto two = imported(text + sample("iperf3-3.12-reverse.json"));
  EXPECT_EQ(two.records.size(), 2U);
  EXPECT_THAT(refusal(text + "iperf3: error"), HasSubstr("text that is no JSON"));
}

TEST(Iperf3Import, EventsOfAStream) {
  const auto text = sample("iperf3-3.12.json");
  const auto part = [&](std::string_view begin, std::string_view end) {
    const auto from = text.find(begin) + begin.size();
    return text.substr(from, text.rfind(end) - from);
  };
  const auto start = part("\"start\":", ",\n\t\"intervals\"");
  const auto end = part("\n\t\"end\":", "\n}");
  const auto event = [](const std::string& name, const std::string& data) {
    return "{\"event\":\"" + name + "\",\"data\":" + data + "}\n";
  };
  const auto stream = event("start", start) + event("end", end);
  EXPECT_NEAR(*only(imported(stream)).counter("GBps"), 1.2513150, 1e-6);
  EXPECT_THAT(imported(stream + stream).notes(), Contains(HasSubstr("twice; one counts")));
  EXPECT_EQ(imported(stream + sample("iperf3-3.12-reverse.json")).records.size(), 2U);
  const auto lying = event("intervals", "\"none\"") + event("interval", "{}");
  EXPECT_EQ(imported(event("start", start) + lying + event("end", end)).records.size(), 1U);
}

TEST(Iperf3Import, FilesThatLie) {
  const auto text = sample("iperf3-3.12.json");
  const auto end = text.find("\"sum_received\"");
  auto twice = text;
  twice.insert(end, "\"sum_received\": {},\n");
  EXPECT_THAT(refusal(twice), HasSubstr("'sum_received' stands twice"));
  const auto other =
      replaced(text, "\"bytes\":\t1900544000,\n\t\t\t\t\t\"bits_per_second\":\t5059342746.56321",
               "\"bytes\":\t900544000,\n\t\t\t\t\t\"bits_per_second\":\t5059342746.56321");
  EXPECT_THAT(only(imported(other)).reason, HasSubstr("their sum says"));
  EXPECT_THAT(refusal(replaced(text, "\"protocol\":\t\"TCP\"", "\"protocol\":\t\"SCTP\"")),
              HasSubstr("'SCTP' is not read"));
  auto nan = text;
  nan.insert(nan.find("\"bytes\"", end) + 9, "-nan, \"was\": ");
  EXPECT_EQ(only(imported(nan)).verdict, Verdict::kInvalid);
}

}  // namespace
}  // namespace wiretax
