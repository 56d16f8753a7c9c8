#pragma once

#include <span>
#include <string>
#include <vector>

#include "report/record.h"
#include "report/table.h"

namespace wiretax {

/// A symptom of the catalogue that only results show.
struct Aftermath {
  std::string id;
  std::string evidence;
};

/// What the doctor could not see before anything was measured: packets that were lost, a path of
/// small packets, a link far below what it can with nothing else wrong, one half that carried
/// nothing, a size that falls off the curve.
std::vector<Aftermath> aftermath(std::span<const ResultFile> files);

/// The same for people, with what to do; empty where there is nothing.
std::string aftermath_text(std::span<const ResultFile> files, const Ink& ink);

}  // namespace wiretax
