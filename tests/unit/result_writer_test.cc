#include "bench/harness/result_writer.h"

#include <benchmark/benchmark.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "report/record.h"

namespace wiretax::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class ResultWriterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ =
        std::filesystem::temp_directory_path() / ("wiretax_writer_" + std::to_string(getpid()));
    std::filesystem::create_directory(directory_);
    path_ = directory_ / "tcp.json";
  }
  void TearDown() override {
    benchmark::ClearRegisteredBenchmarks();
    std::filesystem::remove_all(directory_);
  }

  /// Reports one point as the campaign does.
  static void report(ResultWriter& writer, const std::string& name, double time_s) {
    benchmark::ClearRegisteredBenchmarks();
    benchmark::RegisterBenchmark(
        name.c_str(),
        [time_s](benchmark::State& state) {
          if (time_s <= 0)
            return state.SkipWithError(time_s < 0 ? ResultWriter::kNotMeasured : "invalid: broke");
          for ([[maybe_unused]] auto iteration : state) state.SetIterationTime(time_s);
          state.counters["bytes"] = 64;
          state.SetLabel("suspect: 3 segments sent again");
        })
        ->UseManualTime()
        ->Iterations(1)
        ->Unit(benchmark::kMicrosecond);
    benchmark::RunSpecifiedBenchmarks(&writer.reporter());
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path directory_;
  std::filesystem::path path_;
};

constexpr const char* kContext = R"({"wiretax_schema": 1, "wiretax_status": "running"})";

TEST_F(ResultWriterTest, TheFileIsCompleteAfterEveryPoint) {
  ResultWriter writer(path(), kContext);
  writer.set_status("running");
  EXPECT_THAT(read_result_file(path()).records, SizeIs(0));
  report(writer, "tcp_round_trip/bytes:64", 25e-6);
  const auto one = read_result_file(path());
  ASSERT_THAT(one.records, SizeIs(1));
  EXPECT_EQ(one.records[0].name, "tcp_round_trip/bytes:64");
  EXPECT_NEAR(one.records[0].time_s, 25e-6, 1e-12);
  EXPECT_EQ(one.records[0].verdict, Verdict::kSuspect);
  EXPECT_EQ(one.records[0].reason, "3 segments sent again");
  EXPECT_EQ(one.context_value("wiretax_status"), "running");
  report(writer, "tcp_round_trip/to:1/bytes:64", 0);
  writer.set_status("complete");
  const auto two = read_result_file(path());
  ASSERT_THAT(two.records, SizeIs(2));
  EXPECT_EQ(two.records[1].verdict, Verdict::kInvalid);
  EXPECT_EQ(two.records[1].reason, "broke");
  EXPECT_EQ(two.context_value("wiretax_status"), "complete");
}

TEST_F(ResultWriterTest, PointsThatWereNotReachedLeaveNoRow) {
  ResultWriter writer(path(), kContext);
  report(writer, "tcp_round_trip/bytes:64", -1);
  writer.set_status("complete");
  EXPECT_THAT(read_result_file(path()).records, SizeIs(0));
}

TEST_F(ResultWriterTest, AnUnwritableFileIsAFailureThatNamesIt) {
  ResultWriter writer(path() / "not-a-folder.json", kContext);
  try {
    writer.set_status("running");
    FAIL() << "wrote into a folder that is not there";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), ExitCode::kEnvironment);
    EXPECT_THAT(failure.what(),
                HasSubstr("cannot write " + (path() / "not-a-folder.json").string()));
  }
  report(writer, "tcp_round_trip/bytes:64", 25e-6);
  ASSERT_TRUE(writer.failure());
  EXPECT_THAT(writer.text(), HasSubstr("tcp_round_trip/bytes:64"));
}

TEST_F(ResultWriterTest, TheLastStatusSaysCodeAndReason) {
  ResultWriter writer(path(), kContext);
  report(writer, "tcp_round_trip/bytes:64", 25e-6);
  writer.set_last_status({ExitCode::kTerminated, "stopped by SIGTERM"});
  const auto file = read_result_file(path());
  EXPECT_EQ(file.context_value("wiretax_status"), "143: stopped by SIGTERM");
  EXPECT_THAT(file.records, SizeIs(1));
}

TEST_F(ResultWriterTest, NoTemporaryFileStays) {
  ResultWriter writer(path(), kContext);
  writer.set_status("complete");
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path().parent_path())) {
    names.push_back(entry.path().filename());
  }
  EXPECT_THAT(names, ::testing::ElementsAre("tcp.json"));
}

}  // namespace
}  // namespace wiretax::bench
