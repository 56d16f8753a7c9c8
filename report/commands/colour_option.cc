#include "report/commands/colour_option.h"

#include <CLI/CLI.hpp>
#include <map>
#include <string>

namespace wiretax {

void add_colour(CLI::App& command, Colour& colour) {
  static const std::map<std::string, Colour> kNames = {
      {"auto", Colour::kAuto}, {"always", Colour::kAlways}, {"never", Colour::kNever}};
  command.add_option("--color", colour, "auto, always or never")
      ->transform(CLI::CheckedTransformer(kNames, CLI::ignore_case))
      ->option_text("WHEN");
}

}  // namespace wiretax
