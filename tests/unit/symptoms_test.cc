// The catalogue of what goes wrong.

#include "report/symptoms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
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

/// All that the doctor's sources say.
std::string doctors_words() {
  std::string words;
  for (const auto& entry : std::filesystem::directory_iterator(WIRETAX_SOURCE "/bench/doctor")) {
    std::ifstream file(entry.path());
    words.append(std::istreambuf_iterator<char>(file), {});
  }
  return words;
}

TEST(Symptoms, TheDoctorHasACheckForEachThatItSees) {
  const auto words = doctors_words();
  for (const auto& symptom : symptom_catalogue()) {
    const bool sees = std::ranges::count(symptom.seen_by, "doctor") > 0;
    EXPECT_EQ(words.find('"' + symptom.id + '"') != std::string::npos, sees) << symptom.id;
  }
}

TEST(Symptoms, ThePageIsWhatTheCommandMakes) {
  std::ifstream file(WIRETAX_SOURCE "/docs/symptoms.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(page, symptoms_markdown()) << "wiretax-report symptoms --markdown > docs/symptoms.md";
}

}  // namespace
}  // namespace wiretax
