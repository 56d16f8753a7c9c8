// A config.json that is none, or that nothing here prices: one line with the field.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "configs.h"

namespace wiretax {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::json;

TEST(ModelErrors, NameTheFileTheFieldAndWhatIsWrong) {
  struct Case {
    const char* field;
    Json value;
    const char* complaint;
  };
  const std::vector<Case> cases = {
      {"num_hidden_layers", 0, "0 is not in 1 to 1000"},
      {"num_hidden_layers", 1'000'000'000'000'000'000, "1000000000000000000 is not in 1 to 1000"},
      {"num_hidden_layers", "32", "\"32\" is not a whole number"},
      {"hidden_size", -4096, "-4096 is not in"},
      {"hidden_size", 4096.5, "4096.5 is not a whole number"},
      {"hidden_size", Json::array(), "[] is not a whole number"},
      {"vocab_size", nullptr, "missing"},
      {"intermediate_size", nullptr, "missing"},
      {"head_dim", 0, "0 is not in"},
      {"num_key_value_heads", 3, "3 does not divide 4 heads"},
      {"tie_word_embeddings", "yes", "is not true or false"},
      {"layer_types", {"full_attention"}, "not a list of 2 layers"},
      {"model_type", 7, "7 is not a text"},
  };
  for (const auto& bad : cases) {
    auto config = small_dense();
    config[bad.field] = bad.value;
    EXPECT_THAT(reason_of(config), AllOf(HasSubstr("config.json: "), HasSubstr(bad.field),
                                         HasSubstr(bad.complaint), Not(HasSubstr("\n"))));
  }
}

TEST(ModelErrors, SizesThatOnlyTogetherAreAbsurd) {
  auto config = small_dense();
  config.update({{"hidden_size", 1'000'000}, {"intermediate_size", 1'000'000}});
  config["num_hidden_layers"] = 1000;
  EXPECT_THAT(reason_of(config), HasSubstr("hidden_size: 1000000 with 1000 layers"));
}

TEST(ModelErrors, HeadsThatDoNotDivideTheHiddenSize) {
  auto config = small_dense();
  config["num_attention_heads"] = 6;
  EXPECT_THAT(reason_of(config), HasSubstr("num_attention_heads: 6 does not divide"));
}

TEST(ModelErrors, NestedFieldsAreNamedInFull) {
  auto config = small_dense();
  config.erase("hidden_size");
  EXPECT_THAT(reason_of({{"text_config", config}}),
              HasSubstr("config.json: text_config.hidden_size: missing"));
}

TEST(ModelErrors, AFamilyNobodyUnderstandsIsRefusedByItsField) {
  auto config = small_dense();
  config["kv_lora_rank"] = 512;
  EXPECT_THAT(reason_of(config), HasSubstr("kv_lora_rank: not understood in model_type llama"));
  config = small_dense();
  config["index_topk"] = 2048;  // sparse attention
  EXPECT_THAT(reason_of(config), HasSubstr("index_topk: not understood"));
  config = small_dense();
  config["use_qk_norm"] = true;
  EXPECT_THAT(reason_of(config), HasSubstr("use_qk_norm: not understood"));
  config = small_dense();
  config["model_type"] = "mamba2";
  EXPECT_THAT(reason_of(config), HasSubstr("model_type: 'mamba2' is not understood"));
  config = small_dense();
  config["layer_types"] = {"full_attention", "mamba"};
  EXPECT_THAT(reason_of(config), HasSubstr("layer_types[1]: \"mamba\" is not understood"));
  config = small_dense();
  config["num_local_experts"] = 8;
  EXPECT_THAT(reason_of(config), HasSubstr("num_local_experts: not understood"));
  config = small_moe();
  config["model_type"] = "minimax_m2";
  config["attn_type_list"] = {1, 0};
  EXPECT_THAT(reason_of(config), HasSubstr("attn_type_list"));
}

TEST(ModelErrors, MoreExpertsPerTokenThanExperts) {
  auto config = small_moe();
  config["num_experts_per_tok"] = 5;
  EXPECT_THAT(reason_of(config), HasSubstr("num_experts_per_tok: 5 of 4 experts"));
}

TEST(ModelErrors, WhatIsNoJson) {
  const auto reason = [](std::string_view text) {
    return reason_of_call([&] { parse_model(text, "config.json"); });
  };
  EXPECT_THAT(reason("{\n\"hidden_size\": NaN,\n}"),
              HasSubstr("config.json: not JSON at line 2: '\"hidden_size\": NaN,'"));
  EXPECT_THAT(reason("{\"hidden_size\": 1e999}"), HasSubstr("config.json: "));
  EXPECT_THAT(reason("hello"), HasSubstr("not JSON at line 1: 'hello'"));
  EXPECT_THAT(reason("[1]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(reason(""), HasSubstr("the file is empty"));
  EXPECT_THAT(reason("{\"hidden_size\": " + std::string(100'000, '[')),
              HasSubstr("nested deeper than 64 levels"));
  EXPECT_THAT(reason("{\"text_config\": 3, \"model_type\": \"llama\"}"),
              HasSubstr("text_config: not an object"));
}

TEST(ModelErrors, FilesThatCannotBeUsed) {
  EXPECT_THAT(reason_of_call([] { read_model("no/such/config.json"); }),
              HasSubstr("no/such/config.json: cannot be read"));
  const auto huge =
      std::filesystem::path(testing::TempDir()) / ("huge_" + std::to_string(getpid()) + ".json");
  std::ofstream(huge) << "{}";
  std::filesystem::resize_file(huge, 17 << 20);
  EXPECT_THAT(reason_of_call([&] { read_model(huge); }), HasSubstr("too large"));
  std::filesystem::remove(huge);
}

}  // namespace
}  // namespace wiretax
