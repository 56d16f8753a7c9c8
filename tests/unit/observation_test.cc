#include "report/observation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "report/record.h"

namespace wiretax {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

Observations from(const char* file) {
  return read_observation_file(std::filesystem::path(WIRETAX_TEST_DATA) / "observations" / file);
}

std::string typed_error(const char* text) {
  try {
    parse_observations(text);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no error";
}

std::string file_error(const std::string& text) {
  try {
    parse_observation_file(text, "run.txt");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Observation, TypedKeysSayWhatWasMeasured) {
  const auto rows = parse_observations("c8=40.9,pp512=601+-4,tg128c4@d4096=6.9");
  ASSERT_THAT(rows, SizeIs(3));
  EXPECT_EQ(rows[0].phase, Phase::kDecode);
  EXPECT_EQ(rows[0].concurrency, 8U);
  EXPECT_FALSE(rows[0].context);
  EXPECT_EQ(rows[1].phase, Phase::kPrefill);
  EXPECT_EQ(rows[1].prompt, 512U);
  EXPECT_DOUBLE_EQ(rows[1].error, 4);
  EXPECT_EQ(rows[2].name(), "tg128 c4 @ d4096");
  EXPECT_EQ(rows[2].context, 4096U + 64);
}

TEST(Observation, WhatIsNoRateIsNamed) {
  EXPECT_THAT(typed_error("c1=fast"), HasSubstr("c1: 'fast' is not a number"));
  EXPECT_THAT(typed_error("c1=8.1x"), HasSubstr("'8.1x' is not a number"));
  for (const auto* const text : {"c1=nan", "c1=inf", "c1=", "c1=-inf"}) {
    EXPECT_THAT(typed_error(text), HasSubstr("not a number")) << text;
  }
  for (const auto* const text : {"c1=0", "c1=-8", "c1=1e12"}) {
    EXPECT_THAT(typed_error(text), HasSubstr("not above 0")) << text;
  }
  EXPECT_THAT(typed_error("c1=8,c1=9"), HasSubstr("'c1' is there twice"));
  EXPECT_THAT(typed_error("x1=8"), HasSubstr("'x1' is not known"));
  EXPECT_THAT(typed_error("c0=8"), HasSubstr("'0' is not a number from 1"));
  EXPECT_THAT(typed_error("pp99999999999999999999=8"), HasSubstr("not a number from 1"));
  EXPECT_THAT(typed_error("c1"), HasSubstr("KEY=TOKENS_PER_SECOND"));
  EXPECT_THAT(typed_error(""), HasSubstr("KEY=TOKENS_PER_SECOND"));
}

TEST(Observation, LlamaBenchInAllItsForms) {
  const auto table = from("llama-bench.md");
  EXPECT_EQ(table.tool, "llama-bench");
  ASSERT_THAT(table.rows, SizeIs(3));  // a prompt after a context is left out
  EXPECT_DOUBLE_EQ(table.rows[0].tokens_per_s, 2368.80);
  EXPECT_DOUBLE_EQ(table.rows[1].error, .59);
  EXPECT_EQ(table.rows[2].depth, 512U);
  EXPECT_THAT(table.notes, SizeIs(1));
  const auto csv = from("llama-bench.csv");
  ASSERT_THAT(csv.rows, SizeIs(2));
  EXPECT_EQ(csv.model, "qwen2 7B Q4_K - Medium");
  EXPECT_DOUBLE_EQ(csv.rows[1].tokens_per_s, 119.915244);
  EXPECT_EQ(csv.rows[1].context, 64U);
  EXPECT_THAT(from("llama-bench.json").rows, SizeIs(2));
  EXPECT_EQ(from("llama-bench.jsonl").rows[1].context, 4096U + 64);
}

TEST(Observation, LlamaBenchyAsJsonAndAsATable) {
  const auto json = from("llama-benchy.json");
  EXPECT_EQ(json.model, "Qwen/Qwen3.6-27B-FP8");
  ASSERT_THAT(json.rows, SizeIs(3));
  EXPECT_EQ(json.rows[0].context, 512U + 64);
  EXPECT_EQ(json.rows[1].phase, Phase::kPrefill);
  EXPECT_EQ(json.rows[2].concurrency, 8U);
  EXPECT_DOUBLE_EQ(json.rows[2].tokens_per_s, 52);
  EXPECT_THAT(json.notes, SizeIs(2));
  const auto table = from("llama-benchy.md");
  EXPECT_EQ(table.tool, "llama-benchy");
  ASSERT_THAT(table.rows, SizeIs(3));
  EXPECT_DOUBLE_EQ(table.rows[2].tokens_per_s, 40.9);  // of all requests
}

TEST(Observation, FilesThatLieAreRefusedWithTheirPlace) {
  EXPECT_THAT(file_error(""), HasSubstr("neither llama-benchy's"));
  EXPECT_THAT(file_error("[{\"n_prompt\":512,\"n_gen\":0,\"avg_ts\":1},"), HasSubstr("not JSON"));
  EXPECT_THAT(file_error("[{\"n_prompt\":512,\"n_gen\":0,\"avg_ts\":\"fast\"}]"),
              HasSubstr("avg_ts: \"fast\" is not a number"));
  EXPECT_THAT(file_error("[{\"n_prompt\":512,\"n_prompt\":1,\"avg_ts\":1}]"),
              HasSubstr("'n_prompt' is there twice"));
  EXPECT_THAT(file_error("[{\"n_gen\":128,\"avg_ts\":1},{\"n_gen\":128,\"avg_ts\":2}]"),
              HasSubstr("'tg128' is there twice"));
  EXPECT_THAT(file_error("[]"), HasSubstr("no test"));
  EXPECT_THAT(file_error("[1]"), HasSubstr("not an object"));
  EXPECT_THAT(file_error("| test | t/s |\n| tg128 | nan |\n"),
              HasSubstr("run.txt line 2: 'nan' is not a number"));
  EXPECT_THAT(file_error("| a | b |\n"), HasSubstr("no table"));
  EXPECT_THAT(file_error("n_prompt,n_gen,avg_ts\n\"1\",\"0\",\"3\n"), HasSubstr("line 2: a quote"));
  EXPECT_THAT(file_error("n_prompt,n_gen,avg_ts\n1,0\n"), HasSubstr("2 cells under 3 columns"));
  EXPECT_THAT(file_error("{\"model\":\"m\",\"benchmarks\":[{\"concurrency\":1}]}"),
              HasSubstr("benchmarks[0].prompt_size: missing"));
}

}  // namespace
}  // namespace wiretax
