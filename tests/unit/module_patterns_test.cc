#include "report/module_patterns.h"

#include <gtest/gtest.h>

namespace wiretax {
namespace {

ModulePatterns patterns(std::string_view pattern) {
  ModulePatterns all;
  EXPECT_TRUE(all.add(pattern)) << pattern;
  return all;
}

TEST(ModulePatterns, ANameStandsForWholeComponents) {
  EXPECT_TRUE(patterns("lm_head").match("lm_head"));
  EXPECT_TRUE(patterns("gate").match("layers.0.mlp.gate"));
  EXPECT_FALSE(patterns("gate").match("layers.0.mlp.gate_proj"));
  EXPECT_TRUE(patterns("self_attn").match("layers.7.self_attn.q_proj"));
  EXPECT_TRUE(patterns("model.layers.1.mlp").match("layers.1.mlp.up_proj"));
  EXPECT_FALSE(patterns("model.layers.1.mlp").match("layers.11.mlp.up_proj"));
  EXPECT_FALSE(patterns("").match("lm_head"));
}

TEST(ModulePatterns, WrappersPrefixesDoNotMatter) {
  for (const auto* const name :
       {"model.language_model.layers.3.mlp.up_proj", "language_model.model.layers.3.mlp.up_proj",
        "model.layers.3.mlp.up_proj", "layers.3.mlp.up_proj"}) {
    EXPECT_TRUE(patterns(name).match("layers.3.mlp.up_proj")) << name;
  }
  EXPECT_TRUE(patterns("language_model.model.layers.0*").match("layers.0.self_attn.o_proj"));
}

TEST(ModulePatterns, AGlobStandsForTheWholeNameOrAllBelow) {
  EXPECT_TRUE(patterns("model.layers.*.self_attn").match("layers.12.self_attn.k_proj"));
  EXPECT_FALSE(patterns("model.layers.*.self_attn").match("layers.12.mlp.up_proj"));
  EXPECT_TRUE(patterns("model.layers.1*").match("layers.12.mlp.up_proj"));  // as fnmatch has it
  EXPECT_FALSE(patterns("model.layers.1.*").match("layers.12.mlp.up_proj"));
  EXPECT_TRUE(patterns("*.mlp.shared_expert.*").match("layers.0.mlp.shared_expert.up_proj"));
  EXPECT_TRUE(patterns("mtp*").match("mtp.layers.0.mlp.up_proj"));
  EXPECT_FALSE(patterns("mtp*").match("layers.0.mlp.up_proj"));
  EXPECT_TRUE(patterns("model.layers.?.mlp").match("layers.4.mlp.up_proj"));
  EXPECT_FALSE(patterns("model.layers.?.mlp").match("layers.14.mlp.up_proj"));
}

TEST(ModulePatterns, ExpressionsMatchFromTheStart) {
  EXPECT_TRUE(patterns("re:.*self_attn.*").match("layers.3.self_attn.q_proj"));
  EXPECT_FALSE(patterns("re:self_attn.*").match("layers.3.self_attn.q_proj"));
  const auto dense = patterns("re:.*mlp\\.(gate|up|gate_up|down)_proj.*");
  EXPECT_TRUE(dense.match("layers.0.mlp.down_proj"));
  EXPECT_FALSE(dense.match("layers.1.mlp.experts.0.down_proj"));
  EXPECT_TRUE(patterns("re:^model\\.layers\\.\\d+\\.mlp\\.gate$").match("layers.17.mlp.gate"));
  EXPECT_FALSE(patterns("re:.*mlp.gate$").match("layers.17.mlp.gate_proj"));
  EXPECT_TRUE(patterns("re:.*lm_head|.*router").match("layers.0.mlp.router"));
}

TEST(ModulePatterns, AllExpertsOfALayerAreOne) {
  EXPECT_TRUE(patterns("layers.3.mlp.experts.17.up_proj").match("layers.3.mlp.experts.0.up_proj"));
  EXPECT_TRUE(patterns("model.layers.3.mlp.experts").match("layers.3.mlp.experts.0.up_proj"));
}

TEST(ModulePatterns, WhatIsNotUnderstoodIsRefused) {
  for (const auto* const pattern :
       {"re:a(?=b)", "re:[a-z]+", "re:(a", "re:a)", "re:a+", "re:(a|b)*", "re:a$b", "re:a\\w",
        "re:a{2}", "layers.[0-3].*", "re:((((((((((a))))))))))"}) {
    EXPECT_FALSE(ModulePatterns().add(pattern)) << pattern;
  }
  std::string explosion = "re:";
  for (int i = 0; i < 9; ++i) explosion += "(a|b)";  // 512 alternatives
  EXPECT_FALSE(ModulePatterns().add(explosion));
  ModulePatterns many;
  for (std::size_t i = 0; i < ModulePatterns::kMostPatterns; ++i) EXPECT_TRUE(many.add("a*"));
  EXPECT_FALSE(many.add("a*"));
}

TEST(ModulePatterns, AnyTextIsTriedAtEveryPlace) {
  EXPECT_TRUE(patterns("*a*b").match("aabab"));
  EXPECT_FALSE(patterns("*a*b").match("aaba"));
  EXPECT_TRUE(patterns("*.0.*proj").match("layers.10.0.up_proj"));
  EXPECT_TRUE(patterns("re:layers\\.\\d+\\.mlp").match("layers.123.mlp.up_proj"));
  EXPECT_FALSE(patterns("re:layers\\.\\d+\\.mlp").match("layers.x.mlp.up_proj"));
}

}  // namespace
}  // namespace wiretax
