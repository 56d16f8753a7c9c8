// A token's messages beside their price, for people.

#include "report/token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace wiretax {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::json;

Json row(double time_us, const Json& counters) {
  Json row = {{"name",
               "token/backend:mpi/interface:lo/type:bfloat16/model:Llama-3.1-8B/strategy:tp2/"
               "phase:decode/batch:8"},
              {"run_type", "iteration"},
              {"iterations", 1},
              {"real_time", time_us},
              {"cpu_time", time_us},
              {"time_unit", "us"},
              {"label", "valid"}};
  row.update(counters);
  return row;
}

std::string token_text_of(const Json& row) {
  const Json document = {{"context", {{"wiretax_schema", 1}, {"wiretax_status", "complete"}}},
                         {"benchmarks", {row}}};
  return token_text(parse_result_file(document.dump(), "token.json"), Ink(Colour::kNever));
}

/// A reduction that costs its price and a gather that costs half as much again as its own.
Json counters(double total_us) {
  return {{"wire_us", total_us},
          {"priced_us", 1000},
          {"all_reduce_us", 800},
          {"all_reduce_priced_us", 800},
          {"all_reduce_alone_us", 790},
          {"all_reduce_first_us", 2},
          {"all_gather_us", total_us - 800},
          {"all_gather_priced_us", 200},
          {"all_gather_alone_us", 210},
          {"all_gather_first_us", total_us - 1010},
          {"p50_us", 990},
          {"p99_us", 1500}};
}

TEST(TokenText, MeasuredBesideItsPriceWithTheSharesOfEachKind) {
  const auto text = token_text_of(row(1050, counters(1050)));
  EXPECT_THAT(text, ContainsRegex("Llama-3.1-8B +tp2 +decode of 8 +mpi lo +1.05 ms +990 us +1.5 ms "
                                  "+1 ms +\\+5.0 % +all_reduce 76 %, all_gather 24 % +valid"));
  EXPECT_THAT(text, Not(HasSubstr("its price.")));
}

TEST(TokenText, ALargeDifferenceIsExplainedByWhatWasMeasured) {
  EXPECT_THAT(token_text_of(row(1300, counters(1300))),
              AllOf(HasSubstr("decode of 8: 30 % above its price. +300 us is made of:\n"
                              "    +290 us  the first all_gather behind another kind of message\n"),
                    Not(HasSubstr("all_reduce alone"))));
}

TEST(TokenText, WhatDriftedIsToldAsDrift) {
  auto drifted = counters(1300);
  drifted["all_gather_alone_us"] = 500;
  drifted["all_gather_first_us"] = 0;
  EXPECT_THAT(token_text_of(row(1300, drifted)),
              HasSubstr("+300 us  all_gather alone, again behind the token"));
}

TEST(TokenText, PartsOfEitherSignAddUp) {
  auto opposed = counters(1300);
  opposed["all_reduce_alone_us"] = 1700;  // +900, and between the others -902
  EXPECT_THAT(token_text_of(row(1300, opposed)), AllOf(HasSubstr("+900 us  all_reduce alone"),
                                                       HasSubstr("-902 us  all_reduce between"),
                                                       HasSubstr("+290 us  the first all_gather")));
}

TEST(TokenText, ATokenBelowItsPriceIsExplainedToo) {
  EXPECT_THAT(token_text_of(row(700, {{"wire_us", 700},
                                      {"priced_us", 1000},
                                      {"send_recv_us", 700},
                                      {"send_recv_priced_us", 1000}})),
              HasSubstr("30 % below its price. -300 us is made of:\n    -300 us  send_recv, whose "
                        "messages follow each other without waiting for an answer"));
}

TEST(TokenText, PausesAreNoPartOfTheWire) {
  auto paused = counters(1000);
  paused["paused_us"] = 9000;
  paused["read_GBps"] = 12.34;
  auto with_gap = row(10000, paused);
  with_gap["name"] = with_gap["name"].get<std::string>() + "/gap:200";
  EXPECT_THAT(token_text_of(with_gap),
              AllOf(ContainsRegex("decode of 8, gaps of 200 us +mpi lo +10 ms .* \\+0.0 % "),
                    HasSubstr("9 ms of pauses, which read 12.3 GB/s with one thread")));
}

TEST(TokenText, WithoutAPriceThereIsNoDifference) {
  EXPECT_THAT(token_text_of(row(1300, Json::object())), ContainsRegex("- +- +- +- +valid"));
}

TEST(TokenText, NothingOfOtherPrograms) {
  auto other = row(10, {{"bytes", 8}});
  other["name"] = "all_reduce/backend:mpi/bytes:8";
  EXPECT_EQ(token_text_of(other), "");
}

}  // namespace
}  // namespace wiretax
