#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "report/commands/commands.h"

namespace wiretax {

/// A check for CLI11, whose own range lets NaN through.
std::function<std::string(const std::string&)> finite(double least, double most);

/// The machine, and what is assumed of it.
void add_assumptions(CLI::App& command, DecideOptions& options);

}  // namespace wiretax
