// The catalogue of what goes wrong.

#include "report/symptoms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "report/catalogue.h"

namespace wiretax {
namespace {

using testing::HasSubstr;

TEST(Symptoms, EveryOneIsWhole) {
  EXPECT_GE(symptom_catalogue().size(), 55U);  // 48 known to the field, and 7 that only logs show
  for (const auto& symptom : symptom_catalogue()) {
    EXPECT_FALSE(symptom.symptom.empty()) << symptom.id;
    EXPECT_FALSE(symptom.cause.empty()) << symptom.id;
    EXPECT_FALSE(symptom.evidence.empty()) << symptom.id;
    EXPECT_FALSE(symptom.fix.empty()) << symptom.id;
    EXPECT_FALSE(symptom.seen_by.empty()) << symptom.id;
    EXPECT_EQ(symptom.id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-"),
              std::string::npos)
        << symptom.id;
  }
}

TEST(Symptoms, AreFoundByTheirIdentifier) {
  EXPECT_THAT(find_symptom("gid-index-empty").fix, HasSubstr("unset NCCL_IB_GID_INDEX"));
  EXPECT_EQ(find_symptom("GDR-zero").severity, Severity::kInfo);
  EXPECT_THROW(find_symptom("nonsense"), UnknownName);
}

TEST(Symptoms, ThePageIsWhatTheCommandMakes) {
  std::ifstream file(WIRETAX_SOURCE "/docs/symptoms.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(page, symptoms_markdown()) << "wiretax-report symptoms --markdown > docs/symptoms.md";
}

}  // namespace
}  // namespace wiretax
