// What a checkpoint's files say about bits. The small models are counted by hand: in each of two
// layers attention has 8x8 + 8x4 + 8x4 + 8x8 = 192 weights, the FFN 3 x 8x16 = 384; the head has
// 32x8 = 256.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "configs.h"
#include "report/model.h"

namespace wiretax {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Json = nlohmann::json;

Json dense(const Json& quantization) {
  return {{"model_type", "llama"},    {"num_hidden_layers", 2},
          {"hidden_size", 8},         {"num_attention_heads", 4},
          {"num_key_value_heads", 2}, {"intermediate_size", 16},
          {"vocab_size", 32},         {"quantization_config", quantization}};
}

TEST(Quantisation, TheFilesOwnIsUsedAndSaysSo) {
  EXPECT_EQ(read_model(real_config("openai--gpt-oss-120b.json")).quant.name, "mxfp4");
  const auto own = read_model(real_config("Qwen--Qwen3-32B-FP8.json"));
  EXPECT_EQ(own.quant.name, "fp8");
  EXPECT_EQ(own.quant.origin, "its quantization_config (fp8)");
  const auto asked = read_model(real_config("Qwen--Qwen3-32B-FP8.json"), "nvfp4");
  EXPECT_EQ(asked.quant.name, "nvfp4");
  EXPECT_EQ(asked.quant.origin, "asked for (nvfp4)");
  const auto none = read_model(real_config("Qwen--Qwen3-32B.json"));
  EXPECT_EQ(none.quant.name, "bf16");
  EXPECT_EQ(none.quant.origin, "no quantization_config in its file");
}

TEST(Quantisation, WeightsOf32BitsAreCountedIn16AndThatIsSaid) {
  auto config = dense(nullptr);
  config["torch_dtype"] = "float32";
  EXPECT_THAT(read(config).notes, ElementsAre(HasSubstr("torch_dtype is another")));
  EXPECT_DOUBLE_EQ(read(config).quant.bits.ffn, 16);
  config["torch_dtype"] = "bfloat16";
  EXPECT_THAT(read(config).notes, IsEmpty());
}

TEST(Quantisation, Fp8HasAScaleForEveryBlockAndLeavesTheHead) {
  const auto model = read(dense({{"quant_method", "fp8"}, {"weight_block_size", {128, 128}}}));
  EXPECT_DOUBLE_EQ(model.quant.bits.attention, 8 + 32.0 / 16384);
  EXPECT_DOUBLE_EQ(model.quant.bits.ffn, 8 + 32.0 / 16384);
  EXPECT_DOUBLE_EQ(model.quant.bits.lm_head, 16);
  EXPECT_DOUBLE_EQ(model.quant.bits.embedding, 16);
  EXPECT_DOUBLE_EQ(read(dense({{"quant_method", "fp8"}})).quant.bits.ffn, 8);
}

TEST(Quantisation, ExclusionsOfSingleLayersCountByTheirShare) {
  const auto model = read(dense(
      {{"quant_method", "fp8"},
       {"modules_to_not_convert", {"model.layers.0.mlp.down_proj", "model.layers.1.self_attn"}}}));
  EXPECT_DOUBLE_EQ(model.quant.bits.ffn, (16 * 128 + 8 * 5 * 128) / (6 * 128.0));
  EXPECT_DOUBLE_EQ(model.quant.bits.attention, (8 + 16) / 2.0);
}

TEST(Quantisation, Mxfp4IsForExperts) {
  const auto model = read_model(real_config("openai--gpt-oss-20b.json"));
  // 32 experts x 24 layers of 3 x 2880 x 2880 at 4.25 bits, and 3 x 2880 biases at 16.
  EXPECT_DOUBLE_EQ(model.quant.bits.experts, (4.25 * 2880 + 16) / (2880 + 1));
  EXPECT_DOUBLE_EQ(model.quant.bits.attention, 16);
  EXPECT_DOUBLE_EQ(model.quant.bits.lm_head, 16);
}

TEST(Quantisation, IntegersHaveScalesAndZeroPoints) {
  const auto awq = read(
      dense({{"quant_method", "awq"}, {"bits", 4}, {"group_size", 128}, {"zero_point", true}}));
  EXPECT_EQ(awq.quant.name, "int4");
  EXPECT_DOUBLE_EQ(awq.quant.bits.ffn, 4 + (16 + 4) / 128.0);
  EXPECT_DOUBLE_EQ(awq.quant.bits.lm_head, 16);
  const auto gptq =
      read(dense({{"quant_method", "gptq"}, {"bits", 8}, {"group_size", -1}, {"lm_head", true}}));
  EXPECT_DOUBLE_EQ(gptq.quant.bits.ffn, 8);
  EXPECT_DOUBLE_EQ(gptq.quant.bits.lm_head, 8);
  EXPECT_THAT(
      reason_of(dense(
          {{"quant_method", "gptq"}, {"bits", 4}, {"dynamic", {{"+:.*down.*", {{"bits", 8}}}}}})),
      HasSubstr("quantization_config.dynamic: not understood"));
}

Json group(const Json& weights, const Json& targets) {
  return {{"quant_method", "compressed-tensors"},
          {"config_groups", {{"group_0", {{"targets", targets}, {"weights", weights}}}}},
          {"ignore", {"lm_head"}}};
}

TEST(Quantisation, CompressedTensorsGroups) {
  const Json nvfp4 = {{"num_bits", 4}, {"type", "float"}, {"group_size", 16}};
  const auto all = read(dense(group(nvfp4, {"Linear"})));
  EXPECT_EQ(all.quant.name, "nvfp4");
  EXPECT_DOUBLE_EQ(all.quant.bits.attention, 4.5);
  EXPECT_DOUBLE_EQ(all.quant.bits.lm_head, 16);
  const auto some = read(dense(group(nvfp4, {"re:.*mlp.*"})));
  EXPECT_DOUBLE_EQ(some.quant.bits.attention, 16);
  EXPECT_DOUBLE_EQ(some.quant.bits.ffn, 4.5);
  const Json int4 = {{"num_bits", 4}, {"type", "int"}, {"group_size", 32}, {"symmetric", false}};
  EXPECT_DOUBLE_EQ(read(dense(group(int4, {"Linear"}))).quant.bits.ffn, 4 + (16 + 4) / 32.0);
  auto with_head = group(nvfp4, {"Linear"});
  with_head["ignore"] = Json::array();
  EXPECT_DOUBLE_EQ(read(dense(with_head)).quant.bits.lm_head, 4.5);
}

TEST(Quantisation, AModelOfSixHundredBillionInInt4) {
  // A public size: the repository has 595 GB, the vision tower included.
  const auto model = read_model(real_config("../quantised/Kimi-K2.5.json"));
  EXPECT_EQ(model.quant.name, "int4");
  EXPECT_DOUBLE_EQ(model.quant.bits.experts, 4.5);
  EXPECT_DOUBLE_EQ(model.quant.bits.attention, 16);
  EXPECT_DOUBLE_EQ(model.quant.bits.ffn, 16);  // the first layer's
  EXPECT_DOUBLE_EQ(model.quant.bits.shared_expert, 16);
  EXPECT_NEAR(model.resident_bytes() / 1e9, 595, 2);
  EXPECT_THAT(model.notes,
              ElementsAre(HasSubstr("latent vectors"), HasSubstr("only the language model")));
}

TEST(Quantisation, ModelOptsMixedPrecisionByModule) {
  const auto model = read_model(real_config("nvidia--Qwen3.6-27B-NVFP4.json"));
  EXPECT_EQ(model.quant.name, "fp8+nvfp4");
  EXPECT_DOUBLE_EQ(model.quant.bits.attention, 8);
  EXPECT_DOUBLE_EQ(model.quant.bits.ffn, 4.5);
  EXPECT_DOUBLE_EQ(model.quant.bits.lm_head, 4.5);
  // Its b and a projections (5120 x 48 each) and convolution stay in 16 bits.
  const double plain = 2 * 5120 * 48 + 10'240 * 4 + 2 * 48;
  const double fp8 = 5120.0 * (10'240 + 6144) + 6144.0 * 5120;
  EXPECT_DOUBLE_EQ(model.quant.bits.linear_attention, (16 * plain + 8 * fp8) / (plain + fp8));
  EXPECT_DOUBLE_EQ(model.draft.bits.ffn, 16);  // mtp* is excluded
  EXPECT_THAT(model.notes, testing::Contains(HasSubstr("another format for the KV cache")));
}

TEST(Quantisation, ModelOptsOwnFileBesideTheConfig) {
  const auto llama = read_model(real_config("../quantised/Llama-3.1-70B-Instruct-FP8/config.json"));
  EXPECT_EQ(llama.quant.origin, "hf_quant_config.json");
  EXPECT_DOUBLE_EQ(llama.quant.bits.ffn, 8);
  EXPECT_DOUBLE_EQ(llama.quant.bits.lm_head, 16);
  const auto deepseek = read_model(real_config("../quantised/DeepSeek-V3.1-NVFP4/config.json"));
  EXPECT_DOUBLE_EQ(deepseek.quant.bits.experts, 4.5);
  // All but the output projection is excluded: 16,384 x 7168 of each layer's 187,107,328 weights.
  const double output = 16'384.0 * 7168;
  const double rest = 7168.0 * 1536 + 1536 * 24'576 + 7168 * 576 + 512 * 32'768;
  EXPECT_DOUBLE_EQ(deepseek.quant.bits.attention, (4.5 * output + 16 * rest) / (output + rest));
  EXPECT_DOUBLE_EQ(deepseek.draft.bits.experts, 16);  // model.layers.61* is excluded
  EXPECT_EQ(read_model(real_config("../quantised/Llama-3.1-70B-Instruct-FP8/config.json"), "bf16")
                .quant.name,
            "bf16");
}

TEST(Quantisation, WhatIsNotUnderstoodIsNamed) {
  struct Case {
    Json quantization;
    const char* complaint;
  };
  const Json int4 = {{"num_bits", 4}, {"type", "int"}};
  const std::vector<Case> cases = {
      {{{"quant_method", "bitsandbytes"}}, "quantization_config.quant_method: 'bitsandbytes'"},
      {Json::object(), "quantization_config.quant_method: missing"},
      {3, "quantization_config: not an object"},
      {{{"quant_method", "fp8"}, {"weight_block_size", {128, -1}}}, "weight_block_size: not two"},
      {{{"quant_method", "fp8"}, {"modules_to_not_convert", "lm_head"}},
       "modules_to_not_convert: not a list"},
      {{{"quant_method", "fp8"}, {"modules_to_not_convert", {7}}}, "7 is not a name"},
      {{{"quant_method", "fp8"}, {"quantized_layers", {{"a", 1}}}}, "quantized_layers: not"},
      {{{"quant_method", "modelopt"}, {"quant_algo", "INT2"}}, "quant_algo: 'INT2'"},
      {{{"quant_method", "modelopt"}, {"quant_algo", "NVFP4"}, {"group_size", 64}},
       "group_size: 64 is not understood for NVFP4"},
      {{{"quant_method", "awq"}, {"bits", 0}}, "quantization_config.bits: 0 is not in 1 to 16"},
      {{{"quant_method", "awq"}}, "quantization_config.bits: missing"},
      {group(int4, {"MoEGate"}), "config_groups.group_0.targets: 'MoEGate' is not understood"},
      {group(int4, {"re:a(?!b)"}), "config_groups.group_0.targets: 're:a(?!b)' is not understood"},
      {group({{"num_bits", 4}, {"type", "float"}}, {"Linear"}), "group_size: 0 is not understood"},
      {group({{"num_bits", 6}, {"type", "float"}}, {"Linear"}), "num_bits: 6 is not understood"},
      {group({{"num_bits", 4}, {"type", "ternary"}}, {"Linear"}), "weights.type: 'ternary'"},
      {group(int4, {"model.layers.7.mlp"}), "quantization_config names no weight of this model"},
  };
  for (const auto& bad : cases) {
    EXPECT_THAT(reason_of(dense(bad.quantization)),
                AllOf(HasSubstr("config.json: "), HasSubstr(bad.complaint)))
        << bad.quantization;
  }
}

TEST(Quantisation, AModelOptFileThatIsNone) {
  const auto config = dense(nullptr).dump();
  const auto reason = [&](std::string_view text) {
    try {
      parse_model(config, "config.json", {}, text);
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(reason("{"), HasSubstr("config.json with hf_quant_config.json: not JSON"));
  EXPECT_THAT(reason(R"({"producer": {}})"), HasSubstr("quantization: missing"));
  EXPECT_THAT(reason(R"({"quantization": {"quant_algo": "X"}})"),
              HasSubstr("quantization.quant_algo: 'X'"));
  EXPECT_EQ(parse_model(config, "config.json", "bf16", "{").quant.name, "bf16");
  EXPECT_THAT(parse_model(config, "config.json").notes, IsEmpty());
}

}  // namespace
}  // namespace wiretax
