#pragma once

#include <string_view>
#include <vector>

namespace wiretax {

/// A data file compiled into the program: its name without ".json", and its text.
struct EmbeddedFile {
  std::string_view name;
  std::string_view text;
};

extern const std::vector<EmbeddedFile> kEmbeddedModels;    // report/models
extern const std::vector<EmbeddedFile> kEmbeddedMachines;  // report/machines
extern const std::vector<EmbeddedFile> kEmbeddedProfiles;  // report/profiles
extern const std::vector<EmbeddedFile> kEmbeddedSymptoms;  // report/symptoms
extern const std::vector<EmbeddedFile> kEmbeddedExamples;  // report/examples
extern const std::string_view
    kEmbeddedPage;  // report/page/page.html, filled but for what C++ puts in

}  // namespace wiretax
