// Who speaks in a line of NCCL, whatever stands before it.

#include "report/transport/log_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace wiretax {
namespace {

using Level = LogLine::Level;

void expect_speaker(const std::string& line, std::string_view text = "Using network IB") {
  const auto parsed = parse_log_line(line);
  ASSERT_TRUE(parsed && parsed->speaker) << line;
  EXPECT_EQ(parsed->speaker->host, "spark-a") << line;
  EXPECT_EQ(parsed->speaker->pid, 4711U) << line;
  EXPECT_EQ(parsed->speaker->tid, 4720U) << line;
  EXPECT_EQ(parsed->speaker->cuda_device, 3) << line;
  EXPECT_EQ(parsed->text, text) << line;
}

TEST(LogLine, NamesTheSpeakerBehindEveryPrefix) {
  const std::string line = "spark-a:4711:4720 [3] NCCL INFO Using network IB";
  for (const auto* const prefix :
       {"", "[1,0]<stdout>:", "[1,0]<stderr>:", "[2026-11-21 12:00:00] ", "0: ", "worker-1  | ",
        "(RayWorkerWrapper pid=123, ip=10.0.0.2) ", "\033[36m(EngineCore_DP0 pid=272)\033[0m ",
        "[rank0]: ", "2026-11-21T12:00:00.123456789Z stdout F ", "#  8 16 float "}) {
    expect_speaker(prefix + line);
  }
}

TEST(LogLine, EndsBeforeBlanksColoursAndCarriageReturns) {
  for (const auto* const end : {"\r", "  ", "\033[0m", "\t\r"}) {
    expect_speaker("spark-a:4711:4720 [3] NCCL INFO Using network IB" + std::string(end));
  }
}

TEST(LogLine, WarningsHaveTimeAndPlaceInTheSource) {
  const std::string line =
      "[2026-11-21 12:00:00] spark-a:4711:4720 [3] misc/socket.cc:538 NCCL WARN wrong type 4 != 3";
  expect_speaker(line, "wrong type 4 != 3");
  EXPECT_EQ(parse_log_line(line)->level, Level::kWarn);
}

TEST(LogLine, AVersionLineHasNoSpeaker) {
  const auto parsed = parse_log_line("NCCL version 2.28.9+cuda13.0");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->level, Level::kVersion);
  EXPECT_FALSE(parsed->speaker);
}

TEST(LogLine, OtherProgramsAreNotNccl) {
  for (const auto* const line :
       {"", " ", "NCCL ", "NCCL INFO", "I use NCCL INFO for my runs",
        "[0] NCCL INFO Using network IB", "host [0] NCCL INFO Using network IB",
        "host:1 [0] NCCL INFO Using network IB", ":1:2 [0] NCCL INFO Using network IB",
        "host:a:2 [0] NCCL INFO Using network IB", "host:1:2 [x] NCCL INFO Using network IB",
        "export NCCL_DEBUG=INFO", "host:99999999999999999999:1 [0] NCCL INFO Using network IB"}) {
    EXPECT_FALSE(parse_log_line(line)) << line;
  }
}

TEST(LogLine, LinesWrittenIntoEachOtherAreNotTrusted) {
  const auto parsed = parse_log_line(
      "a:1:2 [0] NCCL INFO Using network IBb:3:4 [0] NCCL INFO Using network Socket");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->level, Level::kOther);
}

}  // namespace
}  // namespace wiretax
