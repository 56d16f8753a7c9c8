#pragma once

// How a program begins, and how it ends with one error and one code, whatever it does in between.

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>

#include "bench/harness/ranks.h"
#include "bench/harness/supervisor.h"

namespace wiretax::bench {

/// Rank 0, as the launcher says before MPI starts; true without one.
bool leads_before_mpi();

void print_error(const Failure& failure);

/// Whether output is to be coloured: --color is "auto", "always" or "never".
bool use_color(const std::string& wish);

/// Parses the command line; a code where the program ends here (help, or wrong usage), of which
/// rank 0 tells.
std::optional<int> parse_command_line(CLI::App& app, int argc, char** argv);

/// From here on a signal, or a deadline that nobody watches over, ends in an error line.
void explain_endings(Supervisor& supervisor);

/// Starts MPI and does the work, whose code it returns. What is thrown becomes an error line, of
/// rank 0 where all ranks know of it, and the code.
int with_ranks(Supervisor& supervisor, const std::function<int(Ranks&)>& work);

}  // namespace wiretax::bench
