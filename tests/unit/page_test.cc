// wiretax-report page as a user runs it: what is in the file, and what is not.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "own_folder.h"
#include "report/page/html.h"
#include "report/page/redaction.h"
#include "run_report.h"

namespace wiretax {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using OnPage = nlohmann::json;

constexpr const char* kHostileName = "</script><script>alert(1)</script>";

OnPage page_row(std::uint64_t bytes, double time_us) {
  return {{"name", "all_reduce/backend:nccl/type:bfloat16/place:out/timing:chained/bytes:" +
                       std::to_string(bytes)},
          {"run_type", "iteration"},
          {"real_time", time_us},
          {"time_unit", "us"},
          {"bytes", bytes},
          {"ranks", 2},
          {"samples", 40},
          {"label", "valid"},
          {"mean_lo_us", time_us * .99},
          {"mean_hi_us", time_us * 1.01}};
}

OnPage page_results(double time_us) {
  return {{"context",
           {{"wiretax_schema", 1},
            {"wiretax_status", "complete"},
            {"wiretax_program", "wiretax-collectives"},
            {"wiretax_fabric", "nccl"},
            {"wiretax_fabric_kind", "engine"},
            {"hosts", {"spark-a", "spark-b"}},
            {"interface", "enp1s0f0np0 10.0.1.7/24"},
            {"command", "/home/ann/wiretax-collectives --out x.json"}}},
          {"benchmarks", {page_row(8192, time_us), page_row(1048576, time_us * 8)}}};
}

class PageCli : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_ / "run"); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }

  /// The page of the folders named, and the program's exit code.
  std::string page_of(const std::string& arguments, int code) const {
    const auto file = folder_ / "report.html";
    const auto result =
        run("page " + arguments + " --batch 1,8 --model Llama-3.1-8B -o " + file.string());
    EXPECT_EQ(result.code, code) << result.output;
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  std::string run_folder() const { return (folder_ / "run").string(); }

  std::filesystem::path folder_ = own_folder();
};

OnPage data_of(const std::string& page) {
  const std::string start = "<script type=\"application/json\" id=\"data\">";
  const auto from = page.find(start) + start.size();
  return OnPage::parse(page.substr(from, page.find("</script>", from) - from));
}

TEST_F(PageCli, IsOneFileThatFetchesNothing) {
  write("run/collectives-nccl.json", page_results(27).dump());
  const auto page = page_of(run_folder(), 0);
  EXPECT_THAT(page, AllOf(StartsWith("<!doctype html>"), HasSubstr("default-src 'none'"),
                          HasSubstr("script-src 'sha256-"), Not(HasSubstr("unsafe-inline")),
                          Not(HasSubstr(" src=\"")), Not(HasSubstr("<link rel=\"stylesheet"))));
}

TEST_F(PageCli, SaysTheAnswerWithoutJavaScript) {
  write("run/collectives-nccl.json", page_results(27).dump());
  const auto page = page_of(run_folder(), 0);
  EXPECT_THAT(page,
              AllOf(HasSubstr("class=sentence aria-live=polite>Llama-3.1-8B (bf16), batch 1, with "
                              "nccl: TP=2, "),
                    HasSubstr("<td class=clear><b>tp2</b>"), HasSubstr("All points")));
}

TEST_F(PageCli, HoldsTheNumbersOfDecide) {
  write("run/collectives-nccl.json", page_results(27).dump());
  const auto data = data_of(page_of(run_folder() + " --context 1024", 0));
  const auto told =
      OnPage::parse(run("decide " + run_folder() +
                        " --published dgx-spark-roce --batch 1,8 --model Llama-3.1-8B --json")
                        .output);
  const auto& rows = data["runs"][0]["decided"][0]["rows"];
  const auto value = [&](std::size_t i, const std::string& key) {
    const auto& column = rows["columns"][key];
    if (column.is_array()) return column[i];
    return column["of"][column.contains("at") ? column["at"][i].get<std::size_t>() : 0];
  };
  ASSERT_EQ(rows["count"], told["rows"].size());
  for (std::size_t i = 0; i < told["rows"].size(); ++i) {
    const auto& expected = told["rows"][i];
    EXPECT_EQ(value(i, "strategy"), expected["strategy"]);
    EXPECT_NEAR(value(i, "step_s.mid").get<double>(), expected["step_s"]["mid"].get<double>(),
                1e-4 * expected["step_s"]["mid"].get<double>());
    EXPECT_EQ(value(i, "break_even_allreduce_s").is_null(),
              expected["break_even_allreduce_s"].is_null());
  }
}

TEST_F(PageCli, NamesThatAreMarkupAreText) {
  auto results = page_results(27);
  results["context"]["hosts"] = {kHostileName};
  results["context"]["wiretax_fabric"] = kHostileName;
  write("run/collectives-nccl.json", results.dump());
  write("run/doctor.json", OnPage{{"findings",
                                   {{{"id", kHostileName},
                                     {"severity", "fault"},
                                     {"who", kHostileName},
                                     {"evidence", "<b>"},
                                     {"fix", "\"><img src=x>"}}}}}
                               .dump());
  const auto page = page_of(run_folder(), 0);
  EXPECT_THAT(page, AllOf(Not(HasSubstr("<script>alert")), Not(HasSubstr("<img")),
                          HasSubstr("&lt;script&gt;alert(1)")));
  EXPECT_EQ(data_of(page)["runs"][0]["curves"][0]["fabric"], kHostileName);
}

TEST_F(PageCli, WhatTheSamplesCannotSayIsAbsent) {
  write("run/collectives-nccl.json", page_results(27).dump());
  const auto page = page_of(run_folder(), 0);
  EXPECT_THAT(page, AllOf(HasSubstr("<td>27<td>26.73<td>27.27<td><td><td>"), Not(HasSubstr(">nan")),
                          Not(HasSubstr(">inf"))));
}

TEST_F(PageCli, AnEmptyFolderIsAPageThatSaysSo) {
  const auto page = page_of(run_folder(), 5);
  EXPECT_THAT(page,
              AllOf(HasSubstr("What is missing"), HasSubstr("there are no result files in it"),
                    HasSubstr("./scripts/run"), HasSubstr("published figures")));
}

TEST_F(PageCli, OutputOfOtherToolsIsNamed) {
  std::filesystem::create_directories(folder_ / "run");
  std::filesystem::copy_file(WIRETAX_TEST_DATA "/importers/iperf3-3.12.json",
                             folder_ / "run" / "iperf3.json");
  const auto page = page_of(run_folder(), 5);
  EXPECT_THAT(page, AllOf(HasSubstr("output of other tools"), HasSubstr("iperf3.json")));
}

TEST_F(PageCli, OnlySkippedPoints) {
  auto results = page_results(27);
  results["benchmarks"] = {{{"name", "tcp_bandwidth/interface:lo/bytes:8"},
                            {"error_occurred", true},
                            {"error_message", "skipped: needs at least two ranks"}}};
  write("run/tcp.json", results.dump());
  EXPECT_THAT(page_of(run_folder(), 5),
              AllOf(HasSubstr("Nothing was measured"), HasSubstr("needs at least two ranks")));
}

TEST_F(PageCli, AFileThatIsCutOffDoesNotHideTheOthers) {
  write("run/collectives-nccl.json", page_results(27).dump());
  write("run/tcp.json", page_results(27).dump().substr(0, 200));
  EXPECT_THAT(page_of(run_folder(), 5),
              AllOf(HasSubstr("tcp.json"), HasSubstr("it is left out"), HasSubstr("TP=2, ")));
}

TEST_F(PageCli, WhatIsNotThereMakesNoPage) {
  EXPECT_THAT(page_of((folder_ / "none").string(), 5), testing::IsEmpty());
}

TEST_F(PageCli, PublishedFiguresAreMarked) {
  auto results = page_results(27);
  results["context"]["wiretax_fabric"] = "mpi lo";
  results["context"]["wiretax_fabric_kind"] = "loopback";
  write("run/collectives-mpi-lo.json", results.dump());
  EXPECT_THAT(
      page_of(run_folder(), 0),
      AllOf(HasSubstr("the answer rests on published figures, not on a measurement of yours"),
            HasSubstr("mpi lo: not a network")));
}

TEST_F(PageCli, SoftRoceIsMarked) {
  auto results = page_results(27);
  results["context"]["transport"] = "soft-RoCE (rxe), no hardware";
  write("run/rdma.json", results.dump());
  EXPECT_THAT(page_of(run_folder(), 0), HasSubstr("<li class=doubtful>RDMA in software"));
}

TEST_F(PageCli, FallbacksThatWereAskedForAreNoFault) {
  auto results = page_results(27);
  results["context"]["wiretax_transport"] = {{"verdict", "SOCKET"}, {"required", ""}};
  write("run/collectives-nccl.json", results.dump());
  results["context"]["wiretax_transport"]["required"] = "socket";
  results["context"]["wiretax_fabric"] = "nccl-socket-fast";
  write("run/collectives-nccl-socket-fast.json", results.dump());
  results["context"]["wiretax_fabric"] = "nccl-socket-control";
  write("run/collectives-nccl-socket-control.json", results.dump());
  EXPECT_THAT(page_of(run_folder(), 0),
              AllOf(HasSubstr("<li class=bad>nccl: SOCKET, not RDMA"),
                    HasSubstr("<li class=plain>nccl-socket-control, nccl-socket-fast: TCP, as")));
}

TEST_F(PageCli, OneFabricAndOneSize) {
  auto results = page_results(27);
  results["benchmarks"] = OnPage::array({page_row(8192, 27)});
  write("run/collectives-nccl.json", results.dump());
  EXPECT_THAT(page_of(run_folder(), 0),
              AllOf(HasSubstr("TP=2, "), HasSubstr("all_gather was not measured"),
                    HasSubstr("beyond 8 KiB was not measured")));
}

TEST_F(PageCli, TwoRunsComeWithTheVerdicts) {
  write("a/collectives-nccl.json", page_results(27).dump());
  write("b/collectives-nccl.json", page_results(40).dump());
  const auto page = page_of((folder_ / "a").string() + " " + (folder_ / "b").string(), 0);
  EXPECT_THAT(page, AllOf(HasSubstr("The runs beside each other"), HasSubstr("<td>SLOWER")));
  EXPECT_EQ(data_of(page)["runs"].size(), 2);
  EXPECT_EQ(data_of(page)["runs"][1]["curves"][0]["points"][0][6], "SLOWER");
}

TEST_F(PageCli, RedactedItNamesNobody) {
  write("run/collectives-nccl.json", page_results(27).dump());
  write("spark-a-to-spark-b/Spark-A.json", page_results(27).dump());
  write("spark-a-to-spark-b/doctor.json",
        R"({"findings": [{"id": "x", "severity": "info", "who": "spark-b",
      "evidence": "spark-b.corp.example has fe80::1 and 10.0.1.8", "fix": "ssh ann@spark-a"}]})");
  const auto page = page_of((folder_ / "spark-a-to-spark-b").string() + " --redact", 0);
  EXPECT_THAT(page, AllOf(HasSubstr("host-1-to-host-2"), HasSubstr("host-2 has address-"),
                          HasSubstr("ssh user@host-1"), HasSubstr(".../wiretax-collectives")));
  for (const auto* const name :
       {"spark-a", "Spark-A", "spark-b", "corp.example", "10.0.1.", "fe80", "/home", "ann@"}) {
    EXPECT_THAT(page, Not(HasSubstr(name)));
  }
}

TEST_F(PageCli, RedactionChangesNoNumber) {
  auto results = page_results(27);
  results["context"]["hosts"] = {"nccl", "out", "all_reduce"};
  write("run/collectives-nccl.json", results.dump());
  const auto told = data_of(page_of(run_folder(), 0));
  const auto redacted = data_of(page_of(run_folder() + " --redact", 0));
  EXPECT_EQ(redacted["runs"][0]["decided"][0]["rows"]["columns"]["step_s.mid"],
            told["runs"][0]["decided"][0]["rows"]["columns"]["step_s.mid"]);
}

TEST_F(PageCli, WhereNothingCanBeDecidedTheRestIsShown) {
  write("run/collectives-nccl.json", page_results(27).dump());
  EXPECT_THAT(page_of(run_folder() + " --ranks 5", 5),
              AllOf(HasSubstr("No answer: there is no all_reduce of 5 ranks"),
                    HasSubstr("All points"), HasSubstr("<td>27<td>26.73")));
}

TEST_F(PageCli, EachLinkAndDirectionIsACurve) {
  auto results = page_results(27);
  results["context"]["wiretax_fabric"] = "rdma";
  results["context"]["wiretax_fabric_kind"] = "rdma";
  results["benchmarks"].clear();
  for (const std::string way :
       {"link:left/from:0/to:1", "link:left/from:1/to:0", "link:right/from:0/to:1"}) {
    auto row = page_row(8192, 27);
    row["name"] = "rdma_write_bandwidth/" + way + "/bytes:8192";
    results["benchmarks"].push_back(row);
  }
  write("run/rdma.json", results.dump());
  EXPECT_EQ(data_of(page_of(run_folder(), 5))["runs"][0]["curves"].size(), 3);
}

TEST_F(PageCli, SaysWhatItAssumed) {
  write("run/collectives-nccl.json", page_results(27).dump());
  EXPECT_THAT(page_of(run_folder() + " --eta 0.7 --context 1024", 0),
              AllOf(HasSubstr("memory efficiency 0.70 (0.70 to 0.70)"),
                    HasSubstr("1024 tokens of context")));
}

TEST_F(PageCli, APublishedProfileAmongTheFilesIsThereOnce) {
  const auto data =
      data_of(page_of(WIRETAX_TEST_DATA "/../../report/profiles/dgx-spark-roce.json", 0));
  EXPECT_EQ(data["runs"][0]["decided"][0]["fabrics"].size(), 1);
}

TEST_F(PageCli, AFindingOfNoKnownSeverityIsRefused) {
  write("run/collectives-nccl.json", page_results(27).dump());
  write("run/doctor.json", R"({"findings": [{"id": "x", "severity": "x id=data"}]})");
  EXPECT_THAT(page_of(run_folder(), 5),
              AllOf(HasSubstr("severity is not known"), Not(HasSubstr("<li class=\"x"))));
}

TEST_F(PageCli, WhatToDoIsNotSaidAgainRightBelowItself) {
  const auto finding = [](std::string_view id, std::string_view who, std::string_view fix) {
    return OnPage{{"id", id}, {"severity", "fault"}, {"who", who}, {"evidence", "e"}, {"fix", fix}};
  };
  write("run/collectives-nccl.json", page_results(27).dump());
  write("run/doctor.json",
        OnPage{{"findings",
                {finding("memlock", "spark-a", "ulimit"), finding("memlock", "spark-b", "ulimit"),
                 finding("mtu", "spark-a", "ip link 0"), finding("mtu", "spark-a", "ip link 1"),
                 finding("mtu", "spark-b", "ip link 0")}}}
            .dump());
  const auto page = page_of(run_folder(), 0);
  EXPECT_THAT(page, AllOf(HasSubstr("memlock</b>, spark-a<br>e<br><span>What to do: ulimit"),
                          HasSubstr("memlock</b>, spark-b<br>e<br><span>What to do: as above"),
                          HasSubstr("mtu</b>, spark-b<br>e<br><span>What to do: ip link 0")));
}

TEST_F(PageCli, ADoctorWhoNestsTooDeepIsRefused) {
  write("run/collectives-nccl.json", page_results(27).dump());
  const auto deep = std::string(200'000, '[') + std::string(200'000, ']');
  write("run/doctor.json", "{\"findings\": [], \"hosts\": " + deep + "}");
  EXPECT_THAT(page_of(run_folder(), 5), HasSubstr("not what wiretax-doctor writes"));
}

TEST_F(PageCli, NumbersAtTheEndsOfWhatThereIs) {
  auto results = page_results(27);
  results["benchmarks"][0]["GBps"] = 1.7976931348623157e308;
  results["benchmarks"][1]["mean_lo_us"] = 1e-310;
  write("run/collectives-nccl.json", results.dump());
  EXPECT_EQ(data_of(page_of(run_folder(), 0))["runs"][0]["curves"][0]["points"][0][4], nullptr);
}

TEST(Redaction, TakesNamesAndAddressesButNoOtherNumbers) {
  Redaction redaction;
  redaction.add_host("spark-a.lan");
  redaction.add_host("host-7");
  const auto expect = [&](const std::string& text, const std::string& redacted) {
    EXPECT_EQ(redaction.text(text), redacted);
  };
  expect("at SPARK-A.lan, spark-ab and my_spark-a.json", "at host-1, spark-ab and my_host-1.json");
  expect("host-7", "host-2");
  expect("10.1.1.1-10.1.1.2_x at x.10.1.1.1", "address-1-address-2_x at x.address-1");
  expect("enx4cbb47001122 up", "address-3 up");
  expect("10.0.0.1:4711, 10.0.0.2. 10.0.0.1/24", "address-4:4711, address-5. address-4/24");
  expect("gid ::ffff:10.0.0.3 mac 4c:bb:47:00:11:22", "gid address-6 mac address-7");
  expect("pci 0000:01:00.0 at 07:02:45, 127.0.0.1, 5.4.3.2.1",
         "pci 0000:01:00.0 at 07:02:45, 127.0.0.1, 5.4.3.2.1");
  expect("/home/ann/x and --out=/data/ann/y.json", ".../x and --out=.../y.json");
  expect("/sys/class/infiniband, GB/s, B / A, http://x/y",
         "/sys/class/infiniband, GB/s, B / A, http://x/y");
  expect("scp ann@10.0.0.1:x, @ and a@", "scp user@address-4:x, @ and a@");
  EXPECT_EQ(redaction.html("<a class=spark-a aria-label=\"spark-a\">&#39;Spark-A&amp;"),
            "<a class=spark-a aria-label=\"host-1\">&#39;host-1&amp;");
  const std::string many(1'000'000, ':');  // in no time
  EXPECT_TRUE(redaction.text(many) == many);
}

TEST(PageHtml, EscapesText) {
  EXPECT_EQ(html_text("<a b=\"c\">'&'\x1b"), "&lt;a b=&quot;c&quot;&gt;&#39;&amp;&#39;?");
  EXPECT_EQ(json_in_html(R"({"a":"</script>"})"), R"({"a":"\u003c/script>"})");
}

}  // namespace
}  // namespace wiretax
