#include "report/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace wiretax {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::filesystem::path data(std::string_view file) {
  return std::filesystem::path(WIRETAX_TEST_DATA) / "models" / file;
}

std::string complaint_about(const auto& call) {
  try {
    call();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Catalogue, EveryModelLoadsAndSaysWhereItComesFrom) {
  EXPECT_GE(model_catalogue().size(), 17U);
  for (const auto& entry : model_catalogue()) {
    const auto model = find_model(entry.name);
    EXPECT_FALSE(model.source.empty()) << entry.name;
    if (!entry.quant.empty()) {
      EXPECT_EQ(model.quant.name, entry.quant);
    }
    EXPECT_EQ(model.derived, entry.source.find("not seen") != std::string::npos) << entry.name;
  }
}

TEST(Catalogue, EntriesEqualTheFilesTheyComeFrom) {
  for (const auto& file : std::filesystem::directory_iterator(data(""))) {
    auto id = file.path().stem().string();
    id.replace(id.find("--"), 2, "/");
    const auto ours = find_model(id + ":bf16");
    const auto theirs = read_model(file.path(), "bf16");
    EXPECT_DOUBLE_EQ(ours.parameters.total(), theirs.parameters.total()) << id;
    EXPECT_EQ(ours.kv_layers, theirs.kv_layers) << id;
    EXPECT_EQ(ours.sliding_layers, theirs.sliding_layers) << id;
    EXPECT_EQ(ours.window, theirs.window) << id;
    EXPECT_DOUBLE_EQ(ours.state_bytes, theirs.state_bytes) << id;
    EXPECT_EQ(ours.draft.modules, theirs.draft.modules) << id;
    EXPECT_EQ(ours.draft.parameters, theirs.draft.parameters) << id;
    const auto own = find_model(id);
    const auto theirs_own = read_model(file.path());
    EXPECT_EQ(own.quant.bits, theirs_own.quant.bits) << id;
    EXPECT_EQ(own.draft.bits, theirs_own.draft.bits) << id;
  }
}

TEST(Catalogue, NamesMatchInAnyCaseAndByAlias) {
  EXPECT_EQ(find_model("GPT-OSS-120B").name, "gpt-oss-120b");
  EXPECT_EQ(find_model("openai/gpt-oss-120b:bf16").quant.name, "bf16");
  EXPECT_EQ(find_model("openai/gpt-oss-120b:bf16").quant.origin, "asked for (bf16)");
  EXPECT_EQ(find_model("Llama-3.1-8B").quant.origin, "the catalogue (bf16)");
  EXPECT_EQ(find_model("qwen3.6-27b").name, "Qwen3.6-27B-FP8");
}

TEST(Catalogue, AFileIsAModelToo) {
  EXPECT_EQ(find_model(data("openai--gpt-oss-20b.json").string() + ":bf16").layers, 24U);
}

TEST(Catalogue, AnUnknownNameListsNearOnes) {
  EXPECT_THAT(complaint_about([] { find_model("gpt-oss-12b"); }),
              AllOf(HasSubstr("'gpt-oss-12b' is not known"), HasSubstr("gpt-oss-120b"),
                    Not(HasSubstr("MiniMax"))));
  EXPECT_THAT(complaint_about([] { find_model("gpt-oss-120b:int3"); }),
              AllOf(HasSubstr("'int3'"), HasSubstr("mxfp4")));
  EXPECT_THROW(find_model("zzz"), UnknownName);
}

}  // namespace
}  // namespace wiretax
