#pragma once

#include "report/table.h"

namespace CLI {
class App;
}

namespace wiretax {

/// --color of a subcommand.
void add_colour(CLI::App& command, Colour& colour);

}  // namespace wiretax
