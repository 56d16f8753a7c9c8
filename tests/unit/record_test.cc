#include "report/record.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "report/compare/context_difference.h"
#include "report/result_json.h"

namespace wiretax {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Json = nlohmann::json;

Json good_row() {
  return {{"name", "all_reduce/timing:chained/bytes:8192"},
          {"run_type", "iteration"},
          {"iterations", 1},
          {"real_time", 28.0},
          {"cpu_time", 28.0},
          {"time_unit", "us"},
          {"bytes", 8192},
          {"ranks", 2},
          {"mean_lo_us", 27.5},
          {"mean_hi_us", 28.5},
          {"label", "valid"}};
}

Json document(const Json& rows) {
  return {{"context", {{"wiretax_schema", 1}, {"wiretax_status", "complete"}, {"cores", {1, 2}}}},
          {"benchmarks", rows}};
}

ResultFile parse(const Json& json) { return parse_result_file(json.dump(), "r.json"); }

std::string reason(std::string_view text) {
  try {
    parse_result_file(text, "r.json");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

std::string reason_of_row(const Json& row) { return reason(document(Json::array({row})).dump()); }

class Folder {
 public:
  Folder()
      : path_(std::filesystem::path(testing::TempDir()) /
              ("record_test_" + std::to_string(getpid()))) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  Folder(Folder&&) = delete;
  Folder& operator=(Folder&&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return path_ / name;
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

TEST(Record, ANameIsAnOperationAndItsKeys) {
  const auto record = parse_name("all_reduce/backend:mpi/interface:enp1s0f0np0/bytes:10240");
  EXPECT_EQ(record.operation, "all_reduce");
  EXPECT_EQ(record.key("backend"), "mpi");
  EXPECT_EQ(record.key("bytes"), "10240");
  EXPECT_EQ(record.key("launch"), "");
  EXPECT_THROW(parse_name(""), InputError);
  EXPECT_THROW(parse_name("all_reduce/8192"), InputError);
  EXPECT_THROW(parse_name("all_reduce/:8192"), InputError);
}

TEST(Record, ARowBecomesAMeasurement) {
  const auto file = parse(document(Json::array({good_row()})));
  ASSERT_EQ(file.records.size(), 1U);
  const auto& record = file.records.front();
  EXPECT_TRUE(record.measured());
  EXPECT_DOUBLE_EQ(record.time_s, 28e-6);
  EXPECT_EQ(record.counter("ranks"), 2);
  EXPECT_FALSE(record.counter("iterations"));  // Google Benchmark's own
  EXPECT_FALSE(record.counter("p99_us"));
  const auto point = record.curve_point();
  EXPECT_EQ(point.bytes, 8192U);
  EXPECT_DOUBLE_EQ(point.interval_s.low, 27.5e-6);
  EXPECT_EQ(file.context_value("wiretax_status"), "complete");
  EXPECT_EQ(file.context_value("cores"), "[1,2]");
}

TEST(Record, SuspectRowsKeepTheirNumberAndTheirReason) {
  auto row = good_row();
  row["label"] = "suspect: drifts; retransmissions";
  const auto record = parse(document(Json::array({row}))).records.front();
  EXPECT_EQ(record.verdict, Verdict::kSuspect);
  EXPECT_EQ(record.reason, "drifts; retransmissions");
  EXPECT_DOUBLE_EQ(record.time_s, 28e-6);
}

TEST(Record, ErrorsOfBothBenchmarkVersions) {
  const Json rows = {
      {{"name", "tcp/bytes:8"}, {"error_occurred", true}, {"error_message", "invalid: wrong data"}},
      {{"name", "tcp/bytes:8"}, {"error_occurred", true}, {"error_message", "skipped: one rank"}},
      {{"name", "tcp/bytes:8"}, {"skipped", true}, {"skip_message", "invalid: over the bound"}}};
  const auto records = parse(document(rows)).records;
  EXPECT_EQ(records[0].verdict, Verdict::kInvalid);
  EXPECT_EQ(records[0].reason, "wrong data");
  EXPECT_EQ(records[1].verdict, Verdict::kSkipped);
  EXPECT_EQ(records[1].reason, "one rank");
  EXPECT_EQ(records[2].verdict, Verdict::kInvalid);
  EXPECT_EQ(records[2].reason, "over the bound");
  EXPECT_FALSE(records[2].measured());
}

TEST(Record, AggregatesArePassedOver) {
  auto aggregate = good_row();
  aggregate["run_type"] = "aggregate";
  aggregate["name"] = "all_reduce/bytes:8192_mean";
  EXPECT_EQ(parse(document(Json::array({good_row(), aggregate}))).records.size(), 1U);
}

TEST(RecordErrors, RowsThatLie) {
  const auto changed = [](const char* field, const Json& value) {
    auto row = good_row();
    row[field] = value;
    return reason_of_row(row);
  };
  EXPECT_THAT(changed("bytes", 4096), HasSubstr("contradicts the name"));
  EXPECT_THAT(changed("bytes", -8192), HasSubstr("bytes"));
  EXPECT_THAT(changed("real_time", 0), HasSubstr("real_time: 0 is not above zero"));
  EXPECT_THAT(changed("real_time", -1), HasSubstr("real_time"));
  EXPECT_THAT(changed("real_time", "fast"), HasSubstr("real_time: not a number"));
  EXPECT_THAT(changed("time_unit", "fortnight"), HasSubstr("'fortnight'"));
  EXPECT_THAT(changed("mean_lo_us", 29), HasSubstr("do not enclose real_time"));
  EXPECT_THAT(changed("mean_hi_us", 27), HasSubstr("do not enclose real_time"));
  EXPECT_THAT(changed("name", 7), HasSubstr("name: not a text"));
  EXPECT_THAT(changed("run_type", 7), HasSubstr("run_type: not a text"));
  EXPECT_THAT(changed("error_occurred", "yes"), HasSubstr("neither true nor false"));
  EXPECT_THAT(changed("label", 7), AllOf(HasSubstr("r.json: benchmarks[0]: label")));
}

TEST(RecordErrors, FilesThatAreNone) {
  EXPECT_THAT(reason(""), HasSubstr("r.json: the file is empty"));
  EXPECT_THAT(reason("hello"), HasSubstr("not JSON"));
  EXPECT_THAT(reason("[]"), HasSubstr("not a result file"));
  EXPECT_THAT(reason("{}"), HasSubstr("not a result file"));
  EXPECT_THAT(reason(R"({"context":{},"benchmarks":[]})"), HasSubstr("wiretax_schema: missing"));
  auto later = document(Json::array());
  later["context"]["wiretax_schema"] = 99;
  EXPECT_THAT(reason(later.dump()), HasSubstr("99 is newer than this program"));
  for (const auto& value : {Json("1"), Json(1.5), Json(0), Json(nullptr), Json::array({1})}) {
    later["context"]["wiretax_schema"] = value;
    EXPECT_EQ(reason(later.dump()),
              "r.json: context.wiretax_schema: not a whole number above zero");
  }
  EXPECT_EQ(reason_of_row(7), "r.json: benchmarks[0]: not an object");
}

/// Each of these once used up the stack.
TEST(RecordErrors, BracketsInBracketsAreNotFollowedForLong) {
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
  auto odd = document(Json::array({good_row()}));
  odd["context"]["odd"] = "@";
  auto text = odd.dump();
  text.replace(text.find("\"@\""), 3, deep);
  EXPECT_EQ(reason(text), "r.json: nested deeper than 64 levels");
  odd["context"]["odd"] = deep;
  const auto file = parse_result_file(odd.dump(), "r.json");
  std::ostringstream written;
  write_result_json(file, written);
  EXPECT_EQ(parse_result_file(written.str(), "r.json").context_value("odd"), deep);
  EXPECT_THAT(context_differences(file, file), IsEmpty());
}

TEST(RecordErrors, EveryTruncationIsAnError) {
  const auto text = document(Json::array({good_row()})).dump();
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_NE(reason(text.substr(0, length)), "no error") << length;
  }
}

TEST(Record, AFolderIsReadWithoutItsOtherFiles) {
  const Folder folder;
  folder.write("b.json", document(Json::array({good_row()})).dump());
  folder.write("a.json", document(Json::array({good_row(), good_row()})).dump());
  folder.write("decide.json", R"({"schema": 1})");
  folder.write("run.log", "not JSON");
  const std::vector paths = {folder.path()};
  const auto files = read_results(paths);
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[0].records.size(), 2U);
  EXPECT_EQ(files[1].path.filename(), "b.json");
}

TEST(RecordErrors, AFolderWithATruncatedFileSaysWhich) {
  const Folder folder;
  folder.write("tcp.json", document(Json::array({good_row()})).dump().substr(0, 100));
  const std::vector paths = {folder.path()};
  try {
    read_results(paths);
    FAIL() << "was accepted";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("tcp.json"), HasSubstr("truncated")));
  }
}

TEST(RecordErrors, ALinkInACircleIsNoFile) {
  const Folder folder;
  folder.write("b.json", document(Json::array({good_row()})).dump());
  std::filesystem::create_symlink("a.json", folder.path() / "a.json");
  const std::vector paths = {folder.path()};
  EXPECT_EQ(read_results(paths).size(), 1U);
}

TEST(RecordErrors, AFileThatIsNotThere) {
  const std::vector<std::filesystem::path> paths = {"no/such.json"};
  EXPECT_THROW(read_results(paths), InputError);
}

TEST(Record, TenThousandPointsAreReadInReasonableTime) {
  auto rows = Json::array();
  for (int i = 0; i < 10'000; ++i) {
    auto row = good_row();
    row["name"] = fmt::format("all_reduce/timing:chained/repeat:{}/bytes:8192", i);
    rows.push_back(row);
  }
  const auto text = document(rows).dump();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(parse_result_file(text, "r.json").records.size(), 10'000U);
  const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - begin;
  fmt::print("10,000 points read in {:.0f} ms\n", spent.count());
}

}  // namespace
}  // namespace wiretax
